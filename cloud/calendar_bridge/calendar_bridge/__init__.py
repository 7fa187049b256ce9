"""From a driver's calendar to sealed items in the twin of the head unit's module.

Enters: pages of Microsoft Graph's calendarView delta, and its change notifications.
Leaves: patches of `calendar.{profile}` in the desired properties, each item sealed to the car's key.
May lose: the furthest items, where they do not fit a twin; counted, and told.
"""

__version__ = "0.1.0"
