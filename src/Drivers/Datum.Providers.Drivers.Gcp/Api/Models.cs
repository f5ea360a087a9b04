using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Gcp.Api;

/// <summary>What all of Compute Engine's objects have. Members that the platform alone sets are never sent.</summary>
internal abstract record ComputeObject
{
    public string? Id { get; init; }
    public string? Name { get; init; }
    public string? Description { get; init; }
    public string? SelfLink { get; init; }
    public string? CreationTimestamp { get; init; }
}

internal sealed record GcpNetwork : ComputeObject
{
    public bool? AutoCreateSubnetworks { get; init; }
    public int? Mtu { get; init; }
    public RoutingConfig? RoutingConfig { get; init; }
    public string? NetworkFirewallPolicyEnforcementOrder { get; init; }
}

internal sealed record RoutingConfig
{
    public string? RoutingMode { get; init; }
}

internal sealed record GcpSubnetwork : ComputeObject
{
    public string? Network { get; init; }
    public string? IpCidrRange { get; init; }
    public string? GatewayAddress { get; init; }
    public bool? PrivateIpGoogleAccess { get; init; }
    public string? StackType { get; init; }
    public string? State { get; init; }
}

internal sealed record GcpFirewall : ComputeObject
{
    public string? Network { get; init; }
    public string? Direction { get; init; }
    public int? Priority { get; init; }
    public bool? Disabled { get; init; }
    public ImmutableArray<string>? SourceRanges { get; init; }
    public ImmutableArray<string>? TargetTags { get; init; }
    public ImmutableArray<FirewallRule>? Allowed { get; init; }
    public ImmutableArray<FirewallRule>? Denied { get; init; }
}

internal sealed record FirewallRule
{
    [JsonPropertyName("IPProtocol")]
    public string? IPProtocol { get; init; }
    public ImmutableArray<string>? Ports { get; init; }
}

internal sealed record GcpAddress : ComputeObject
{
    public string? Address { get; init; }
    public string? AddressType { get; init; }
    public string? NetworkTier { get; init; }
    public string? IpVersion { get; init; }
    public string? Status { get; init; }
    public ImmutableArray<string>? Users { get; init; }
}

internal sealed record GcpDisk : ComputeObject
{
    public string? SizeGb { get; init; }
    public string? Type { get; init; }
    public string? Status { get; init; }
    public string? LabelFingerprint { get; init; }
    public ImmutableSortedDictionary<string, string>? Labels { get; init; }
    public ImmutableArray<string>? Users { get; init; }
}

internal sealed record DiskResize
{
    public string? SizeGb { get; init; }
}

internal sealed record GcpInstance : ComputeObject
{
    public string? MachineType { get; init; }
    public string? Status { get; init; }
    public string? StatusMessage { get; init; }
    public string? Fingerprint { get; init; }
    public string? LabelFingerprint { get; init; }
    public string? LastStartTimestamp { get; init; }
    public ImmutableSortedDictionary<string, string>? Labels { get; init; }
    public Tags? Tags { get; init; }
    public Metadata? Metadata { get; init; }
    public ImmutableArray<AttachedDisk>? Disks { get; init; }
    public ImmutableArray<NetworkInterface>? NetworkInterfaces { get; init; }
    public ImmutableArray<ServiceAccount>? ServiceAccounts { get; init; }
    public Scheduling? Scheduling { get; init; }
}

internal sealed record Tags
{
    public ImmutableArray<string>? Items { get; init; }
    public string? Fingerprint { get; init; }
}

internal sealed record Metadata
{
    public ImmutableArray<MetadataItem>? Items { get; init; }
    public string? Fingerprint { get; init; }
}

internal sealed record MetadataItem
{
    public string? Key { get; init; }
    public string? Value { get; init; }
}

internal sealed record AttachedDisk
{
    public bool? Boot { get; init; }
    public bool? AutoDelete { get; init; }
    public string? DeviceName { get; init; }
    public string? Source { get; init; }
    public string? Mode { get; init; }
    public string? Type { get; init; }
    public string? DiskSizeGb { get; init; }
    public DiskParameters? InitializeParams { get; init; }
}

internal sealed record DiskParameters
{
    public string? DiskName { get; init; }
    public string? SourceImage { get; init; }
    public string? DiskSizeGb { get; init; }
    public string? DiskType { get; init; }
    public ImmutableSortedDictionary<string, string>? Labels { get; init; }
}

internal sealed record NetworkInterface
{
    public string? Name { get; init; }
    public string? Network { get; init; }
    public string? Subnetwork { get; init; }
    [JsonPropertyName("networkIP")]
    public string? NetworkIP { get; init; }
    public string? StackType { get; init; }
    public string? Ipv6Address { get; init; }
    public ImmutableArray<AccessConfig>? AccessConfigs { get; init; }
    public ImmutableArray<AccessConfig>? Ipv6AccessConfigs { get; init; }
}

internal sealed record AccessConfig
{
    public string? Name { get; init; }
    public string? Type { get; init; }
    [JsonPropertyName("natIP")]
    public string? NatIP { get; init; }
    public string? NetworkTier { get; init; }
    public string? ExternalIpv6 { get; init; }
}

internal sealed record ServiceAccount
{
    public string? Email { get; init; }
    public ImmutableArray<string>? Scopes { get; init; }
}

internal sealed record Scheduling
{
    public bool? AutomaticRestart { get; init; }
    public string? OnHostMaintenance { get; init; }
}

internal sealed record SerialPort
{
    public string? Contents { get; init; }
    public string? Start { get; init; }
    public string? Next { get; init; }
}

internal sealed record GcpImage : ComputeObject
{
    public string? Family { get; init; }
    public string? DiskSizeGb { get; init; }
    public string? Architecture { get; init; }
    public Deprecation? Deprecated { get; init; }
}

internal sealed record Deprecation
{
    public string? State { get; init; }
}

internal sealed record GcpMachineType : ComputeObject
{
    public int? GuestCpus { get; init; }
    public int? MemoryMb { get; init; }
    public string? Zone { get; init; }
    public string? Architecture { get; init; }
    public Deprecation? Deprecated { get; init; }
}

internal sealed record GcpProject : ComputeObject
{
    public ImmutableArray<GcpQuota>? Quotas { get; init; }
}

internal sealed record GcpRegion : ComputeObject
{
    public ImmutableArray<GcpQuota>? Quotas { get; init; }
}

internal sealed record GcpQuota
{
    public string? Metric { get; init; }
    public double? Limit { get; init; }
    public double? Usage { get; init; }
}

/// <summary>Secret Manager's secret. Its contents are versions, which this driver writes and never reads.</summary>
internal sealed record GcpSecret
{
    public string? Name { get; init; }
    public Replication? Replication { get; init; }
    public ImmutableSortedDictionary<string, string>? Labels { get; init; }
    public ImmutableSortedDictionary<string, string>? Annotations { get; init; }
    public string? Etag { get; init; }
    public string? CreateTime { get; init; }
}

internal sealed record Replication
{
    public Automatic? Automatic { get; init; }
}

internal sealed record Automatic;

internal sealed record AddSecretVersion
{
    public SecretPayload? Payload { get; init; }
}

internal sealed record SecretPayload
{
    public string? Data { get; init; }
}

internal sealed record SecretVersion
{
    public string? Name { get; init; }
    public string? State { get; init; }
}

internal sealed record SetIamPolicy
{
    public IamPolicy? Policy { get; init; }
}

internal sealed record IamPolicy
{
    public ImmutableArray<IamBinding>? Bindings { get; init; }
    public string? Etag { get; init; }
}

internal sealed record IamBinding
{
    public string? Role { get; init; }
    public ImmutableArray<string>? Members { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(GcpNetwork))]
[JsonSerializable(typeof(GcpSubnetwork))]
[JsonSerializable(typeof(GcpFirewall))]
[JsonSerializable(typeof(GcpAddress))]
[JsonSerializable(typeof(GcpDisk))]
[JsonSerializable(typeof(DiskResize))]
[JsonSerializable(typeof(GcpInstance))]
[JsonSerializable(typeof(Tags))]
[JsonSerializable(typeof(Metadata))]
[JsonSerializable(typeof(SerialPort))]
[JsonSerializable(typeof(GcpImage))]
[JsonSerializable(typeof(GcpMachineType))]
[JsonSerializable(typeof(GcpProject))]
[JsonSerializable(typeof(GcpRegion))]
[JsonSerializable(typeof(GcpSecret))]
[JsonSerializable(typeof(AddSecretVersion))]
[JsonSerializable(typeof(SecretVersion))]
[JsonSerializable(typeof(SetIamPolicy))]
[JsonSerializable(typeof(IamPolicy))]
internal sealed partial class GcpJson : JsonSerializerContext;
