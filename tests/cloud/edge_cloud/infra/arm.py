"""The names of properties that Azure's resource providers know, of the resources that cloud/infra uses.

Taken from Microsoft's own SDK for Python: azure-mgmt-kusto 4.0.0, azure-mgmt-iothub 4.0.0, azure-mgmt-eventhub 12.0.0,
azure-mgmt-storage 25.3.0, azure-mgmt-iothubprovisioningservices 2.1.0. A path is that of the enclosing properties; the
items of a list have no step of their own.
"""

from typing import Final

_IDENTITY: Final = {"type", "userAssignedIdentities"}
_ROUTE: Final = {"name", "source", "condition", "endpointNames", "isEnabled"}
_ENDPOINT: Final = {"name", "authenticationType", "identity", "endpointUri"}

NAMES: Final[dict[str, dict[str, set[str]]]] = {
    "Microsoft.Storage/storageAccounts": {
        "sku": {"name", "tier"},
        "properties": {"isHnsEnabled", "allowSharedKeyAccess", "allowBlobPublicAccess", "minimumTlsVersion"},
    },
    "Microsoft.Authorization/roleAssignments": {"properties": {"principalId", "principalType", "roleDefinitionId"}},
    "Microsoft.EventHub/namespaces": {
        "sku": {"name", "tier", "capacity"},
        "identity": _IDENTITY,
        "properties": {"disableLocalAuth", "isAutoInflateEnabled", "maximumThroughputUnits", "minimumTlsVersion"},
    },
    "Microsoft.EventHub/namespaces/eventhubs": {
        "properties": {"partitionCount", "retentionDescription", "captureDescription", "status", "userMetadata"},
        "properties.retentionDescription": {"cleanupPolicy", "retentionTimeInHours"},
        "properties.captureDescription": {
            *("destination", "enabled", "encoding", "intervalInSeconds", "sizeLimitInBytes", "skipEmptyArchives"),
        },
        "properties.captureDescription.destination": {"name", "identity", "properties"},
        "properties.captureDescription.destination.identity": {"type", "userAssignedIdentity"},
        "properties.captureDescription.destination.properties": {
            *("archiveNameFormat", "blobContainer", "storageAccountResourceId"),
        },
    },
    "Microsoft.Devices/IotHubs": {
        "sku": {"name", "capacity"},
        "identity": _IDENTITY,
        "properties": {"routing", "minTlsVersion", "disableLocalAuth", "publicNetworkAccess"},
        "properties.routing": {"endpoints", "routes", "fallbackRoute", "enrichments"},
        "properties.routing.endpoints": {
            *("cosmosDBSqlContainers", "eventHubs", "serviceBusQueues", "serviceBusTopics", "storageContainers"),
        },
        "properties.routing.endpoints.eventHubs": _ENDPOINT | {"entityPath"},
        "properties.routing.endpoints.eventHubs.identity": {"userAssignedIdentity"},
        "properties.routing.endpoints.storageContainers": _ENDPOINT
        | {"containerName", "encoding", "fileNameFormat", "batchFrequencyInSeconds", "maxChunkSizeInBytes"},
        "properties.routing.endpoints.storageContainers.identity": {"userAssignedIdentity"},
        "properties.routing.routes": _ROUTE,
        "properties.routing.fallbackRoute": _ROUTE,
        "properties.routing.enrichments": {"key", "value", "endpointNames"},
    },
    "Microsoft.Devices/provisioningServices": {
        "sku": {"name", "capacity", "tier"},
        "properties": {"allocationPolicy", "iotHubs", "disableLocalAuth"},
        "properties.iotHubs": {"connectionString", "location", "allocationWeight", "applyAllocationPolicy"},
    },
    "Microsoft.Kusto/clusters": {
        "sku": {"name", "tier", "capacity"},
        "identity": _IDENTITY,
        "properties": {"enableStreamingIngest", "enableAutoStop", "enableDiskEncryption", "optimizedAutoscale"},
    },
    "Microsoft.Kusto/clusters/databases": {"properties": {"softDeletePeriod", "hotCachePeriod"}},
    "Microsoft.Kusto/clusters/databases/scripts": {
        "properties": {"continueOnErrors", "scriptContent", "forceUpdateTag"},
    },
    "Microsoft.Kusto/clusters/databases/dataConnections": {
        "properties": {
            *("compression", "consumerGroup", "dataFormat", "databaseRouting", "eventHubResourceId"),
            *(
                "eventSystemProperties",
                "managedIdentityResourceId",
                "mappingRuleName",
                "tableName",
                "retrievalStartDate",
            ),
        },
    },
}
