// From IoT Hub to Event Hubs, Data Explorer and a lake: one deployment a region. Identities instead of keys, but for the
// provisioning service, whose stable API takes a connection string alone.
// az deployment group create --resource-group fleet --template-file main.bicep --parameters name=fleet size=dev

@description('Begins every name; 3 to 11 small letters and digits.')
@minLength(3)
@maxLength(11)
param name string

@description('How many vehicles, in the lean profile of docs/cloud.md: a dozen, 10 000, or 100 000 a shard.')
@allowed([
  'dev'
  'ten_thousand'
  'hundred_thousand'
])
param size string = 'dev'

@description('IoT hubs, over which the provisioning service spreads vehicles by a hash of their id. 10 for a million.')
@minValue(1)
@maxValue(50)
param shards int = 1

param location string = resourceGroup().location

// Hub: 100 000 lean vehicles send 15 M blocks of 4 KiB a day and 275 messages/s at the peak; an S2 unit takes 6 M and
// 120/s. 10 000 fit one S2; S1 would take four for the same price as 0.4 S2, and leave no room for a day of backlog.
// Partitions: 2 MB/s at the peak of 100 000, 1 MB/s each, times four for the days after a gap; they cannot grow later.
// Throughput units: 1 MB/s each. Data Explorer: sizes to begin with, never measured by us; measure ingestion first.
var sizes = {
  dev: {
    hubSku: 'S1'
    hubUnits: 1
    partitions: 2
    units: 1
    days: 1
    kusto: { name: 'Dev(No SLA)_Standard_E2a_v4', tier: 'Basic', capacity: 1 }
  }
  ten_thousand: {
    hubSku: 'S2'
    hubUnits: 1
    partitions: 4
    units: 2
    days: 3
    kusto: { name: 'Standard_E2ads_v5', tier: 'Standard', capacity: 2 }
  }
  hundred_thousand: {
    hubSku: 'S2'
    hubUnits: 4
    partitions: 16
    units: 8
    days: 7
    kusto: { name: 'Standard_E8ads_v5', tier: 'Standard', capacity: 2 }
  }
}
var chosen = sizes[size]

var roles = {
  sender: '2b629674-e913-4c01-ae53-ef4638d8f975' // Azure Event Hubs Data Sender
  receiver: 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde' // Azure Event Hubs Data Receiver
  writer: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor
}

// One identity that writes, one that reads. Of the user, not of the system: a route and a capture are refused unless
// their identity may write already, and a hub's own identity exists only after the hub.
resource writing 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-writing'
  location: location
}

resource reading 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-reading'
  location: location
}

resource lake 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: '${name}lake'
  location: location
  kind: 'StorageV2'
  sku: {
    name: 'Standard_ZRS'
  }
  properties: {
    isHnsEnabled: true // folders that Spark and OneLake take as a lake
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    minimumTlsVersion: 'TLS1_2'
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: lake
  name: 'default'
}

resource capture 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'capture'
}

resource frames 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'frames'
}

resource mayWriteLake 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: lake
  name: guid(lake.id, writing.id, roles.writer)
  properties: {
    principalId: writing.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.writer)
  }
}

resource events 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: '${name}-events'
  location: location
  sku: {
    name: 'Standard'
    tier: 'Standard'
    capacity: chosen.units
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${writing.id}': {}
    }
  }
  properties: {
    disableLocalAuth: true
    isAutoInflateEnabled: true
    maximumThroughputUnits: 4 * chosen.units // a backlog of days comes at once
    minimumTlsVersion: '1.2'
  }
}

// The bulk, as it came: what Spark reads for years (capture), and Data Explorer for days.
resource warm 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = {
  parent: events
  name: 'warm'
  properties: {
    partitionCount: chosen.partitions
    retentionDescription: {
      cleanupPolicy: 'Delete'
      retentionTimeInHours: 24 * chosen.days
    }
    captureDescription: {
      enabled: true
      encoding: 'Avro'
      intervalInSeconds: 300
      sizeLimitInBytes: 314572800
      skipEmptyArchives: true
      destination: {
        name: 'EventHubArchive.AzureBlockBlob'
        identity: {
          type: 'UserAssigned'
          userAssignedIdentity: writing.id
        }
        properties: {
          storageAccountResourceId: lake.id
          blobContainer: capture.name
          archiveNameFormat: '{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}'
        }
      }
    }
  }
  dependsOn: [
    mayWriteLake
  ]
}

resource hot 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = {
  parent: events
  name: 'hot'
  properties: {
    partitionCount: chosen.partitions
    retentionDescription: {
      cleanupPolicy: 'Delete'
      retentionTimeInHours: 24 * chosen.days
    }
    captureDescription: {
      enabled: true
      encoding: 'Avro'
      intervalInSeconds: 900
      sizeLimitInBytes: 314572800
      skipEmptyArchives: true
      destination: {
        name: 'EventHubArchive.AzureBlockBlob'
        identity: {
          type: 'UserAssigned'
          userAssignedIdentity: writing.id
        }
        properties: {
          storageAccountResourceId: lake.id
          blobContainer: capture.name
          archiveNameFormat: '{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}'
        }
      }
    }
  }
  dependsOn: [
    mayWriteLake
  ]
}

resource warmForKusto 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = {
  parent: warm
  name: 'kusto'
}

resource hotForKusto 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = {
  parent: hot
  name: 'kusto'
}

resource hotForAlerts 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = {
  parent: hot
  name: 'alerts'
}

resource maySend 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: events
  name: guid(events.id, writing.id, roles.sender)
  properties: {
    principalId: writing.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.sender)
  }
}

resource mayReceive 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: events
  name: guid(events.id, reading.id, roles.receiver)
  properties: {
    principalId: reading.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.receiver)
  }
}

// A compressed body cannot be routed by what is in it: routes go by the properties that the agent sets beside it.
resource hubs 'Microsoft.Devices/IotHubs@2023-06-30' = [
  for n in range(0, shards): {
    name: '${name}-hub-${n}'
    location: location
    sku: {
      name: chosen.hubSku
      capacity: chosen.hubUnits
    }
    identity: {
      type: 'UserAssigned'
      userAssignedIdentities: {
        '${writing.id}': {}
      }
    }
    properties: {
      routing: {
        endpoints: {
          eventHubs: [
            {
              name: 'warm'
              authenticationType: 'identityBased'
              identity: {
                userAssignedIdentity: writing.id
              }
              endpointUri: 'sb://${events.name}.servicebus.windows.net'
              entityPath: warm.name
            }
            {
              name: 'hot'
              authenticationType: 'identityBased'
              identity: {
                userAssignedIdentity: writing.id
              }
              endpointUri: 'sb://${events.name}.servicebus.windows.net'
              entityPath: hot.name
            }
          ]
          storageContainers: [
            {
              name: 'frames'
              authenticationType: 'identityBased'
              identity: {
                userAssignedIdentity: writing.id
              }
              endpointUri: lake.properties.primaryEndpoints.blob
              containerName: frames.name
              encoding: 'avro' // keeps the properties, the only header that a log of frames has
              fileNameFormat: '{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}'
              batchFrequencyInSeconds: 300
              maxChunkSizeInBytes: 104857600
            }
          ]
        }
        routes: [
          {
            name: 'warm'
            source: 'DeviceMessages'
            condition: 'schema = "columns/1"'
            endpointNames: [
              'warm'
            ]
            isEnabled: true
          }
          {
            name: 'hot'
            source: 'DeviceMessages'
            condition: 'schema = "rows/1" OR schema = "trip/1"'
            endpointNames: [
              'hot'
            ]
            isEnabled: true
          }
          {
            name: 'frames'
            source: 'DeviceMessages'
            condition: 'schema = "candump/1"'
            endpointNames: [
              'frames'
            ]
            isEnabled: true
          }
        ]
        // What no route takes stays readable here for a day, instead of being dropped.
        fallbackRoute: {
          name: 'rest'
          source: 'DeviceMessages'
          condition: 'true'
          endpointNames: [
            'events'
          ]
          isEnabled: true
        }
        enrichments: [
          {
            key: 'hub'
            value: '$iothubname'
            endpointNames: [
              'warm'
              'hot'
              'frames'
            ]
          }
        ]
      }
    }
    dependsOn: [
      maySend
      mayWriteLake
    ]
  }
]

resource provisioning 'Microsoft.Devices/provisioningServices@2022-12-12' = {
  name: '${name}-dps'
  location: location
  sku: {
    name: 'S1'
    capacity: 1
  }
  properties: {
    allocationPolicy: 'Hashed'
    iotHubs: [
      for n in range(0, shards): {
        location: location
        connectionString: 'HostName=${hubs[n].properties.hostName};SharedAccessKeyName=iothubowner;SharedAccessKey=${hubs[n].listkeys().value[0].primaryKey}'
      }
    ]
  }
}

resource kusto 'Microsoft.Kusto/clusters@2023-08-15' = {
  name: '${name}kusto'
  location: location
  sku: chosen.kusto
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${reading.id}': {}
    }
  }
  properties: {
    enableStreamingIngest: true // of the hot lane
    enableAutoStop: size == 'dev'
  }
}

resource fleet 'Microsoft.Kusto/clusters/databases@2023-08-15' = {
  parent: kusto
  name: 'fleet'
  location: location
  kind: 'ReadWrite'
  properties: {
    softDeletePeriod: 'P730D'
    hotCachePeriod: 'P31D'
  }
}

// Tables before the connections that fill them. Small fleets keep a row a sample, a large one minutes.
resource made 'Microsoft.Kusto/clusters/databases/scripts@2023-08-15' = {
  parent: fleet
  name: 'made'
  properties: {
    continueOnErrors: false
    scriptContent: join([
      loadTextContent('../kql/10_tables.kql')
      loadTextContent('../kql/11_mappings.kql')
      loadTextContent('../kql/20_decode.kql')
      loadTextContent('../kql/30_views.kql')
      loadTextContent('../kql/40_policies.kql')
      size == 'hundred_thousand' ? loadTextContent('../kql/42_large_fleet.kql') : loadTextContent('../kql/41_small_fleet.kql')
      loadTextContent('../kql/50_reads.kql')
      loadTextContent('../kql/51_trips.kql')
    ], '\n\n')
  }
}

// Of kind EventHub: the kind IotHub has no `compression`.
resource warmConnection 'Microsoft.Kusto/clusters/databases/dataConnections@2023-08-15' = {
  parent: fleet
  name: 'warm'
  location: location
  kind: 'EventHub'
  properties: {
    eventHubResourceId: warm.id
    consumerGroup: warmForKusto.name
    managedIdentityResourceId: reading.id
    tableName: 'Batches'
    mappingRuleName: 'columns_1'
    dataFormat: 'MULTIJSON'
    compression: 'GZip'
    databaseRouting: 'Single'
  }
  dependsOn: [
    made
    mayReceive
  ]
}

resource hotConnection 'Microsoft.Kusto/clusters/databases/dataConnections@2023-08-15' = {
  parent: fleet
  name: 'hot'
  location: location
  kind: 'EventHub'
  properties: {
    eventHubResourceId: hot.id
    consumerGroup: hotForKusto.name
    managedIdentityResourceId: reading.id
    tableName: 'Hot'
    mappingRuleName: 'rows_1'
    dataFormat: 'MULTIJSON'
    compression: 'None'
    databaseRouting: 'Single'
  }
  dependsOn: [
    made
    mayReceive
  ]
}

output provisioningScope string = provisioning.properties.idScope
output kustoUri string = kusto.properties.uri
