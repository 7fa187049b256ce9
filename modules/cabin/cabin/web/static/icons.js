// Lines on a field of 24 by 24.

export const CALL = ["M6.5 3.5h3l1.5 5-2 1.5a11 11 0 0 0 5 5l1.5-2 5 1.5v3a2 2 0 0 1-2 2A15 15 0 0 1 4.500 5.500a2 2 0 0 1 2-2z"];
export const NOW = ["M4 16a8 8 0 0 1 16 0", "M12 16l4.500-5.500", "M3 20h18"];
export const TRIPS = ["M6 20c0-6 12-4 12-10", "M18 10m-2.500-4a2.500 2.500 0 1 0 5 0a2.500 2.500 0 1 0-5 0", "M3.500 20a2.500 2.500 0 1 0 5 0a2.500 2.500 0 1 0-5 0"];
export const PRIVACY = ["M12 3l7 3v5c0 5-3 8-7 10c-4-2-7-5-7-10V6z", "M9 12l2 2 4-4.500"];
export const SETTINGS = ["M4 7h9M17 7h3M4 17h3M11 17h9", "M15 7m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0", "M9 17m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0"];
export const BELL = ["M6 17V11a6 6 0 0 1 12 0v6l1.500 2h-15z", "M10 21h4"];
export const PLACE = ["M12 21c-4-5-6-8-6-11a6 6 0 0 1 12 0c0 3-2 6-6 11z", "M10 10a2 2 0 1 0 4 0a2 2 0 1 0-4 0"];
export const QR = ["M4 4h6v6h-6z", "M14 4h6v6h-6z", "M4 14h6v6h-6z", "M14 14h2v2h-2z", "M19 14h1", "M14 19v1", "M18 18h2v2h-2z"];
export const PERSON = ["M8 8a4 4 0 1 0 8 0a4 4 0 1 0-8 0", "M4 21c0-5 3-7 8-7s8 2 8 7"];
