using System.Text.Json;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Providers;

/// <summary>Connects Locations to an account at a platform: which driver, which credentials, who may use it. Cluster-scoped, on the home plane.</summary>
public sealed class ProviderConfig : KubeObject
{
    public ProviderConfigSpec Spec { get; set; } = new();
    public ProviderConfigStatus? Status { get; set; }
}

public sealed class ProviderConfigSpec : KubeData
{
    /// <summary>The driver's id: the key of the block under <c>Location.spec.provider</c>.</summary>
    public string Driver { get; set; } = "";
    public LocationMatch? Locations { get; set; }
    public AllowedUse? Allowed { get; set; }
    /// <summary>Absent means <see cref="CredentialsSource.None"/>.</summary>
    public ProviderCredentials? Credentials { get; set; }
    /// <summary>The platform's API address in place of the driver's default.</summary>
    public string? Endpoint { get; set; }
    /// <summary>PEM certificates that are trusted for the endpoint.</summary>
    public string? CaBundle { get; set; }
    /// <summary>The SHA-256 of the endpoint's certificate in hex, with colons between pairs or without: then only that one is taken.</summary>
    public string? Fingerprint { get; set; }
    /// <summary>The URL of an HTTP proxy.</summary>
    public string? Proxy { get; set; }
    /// <summary>By Datum instance type, merged over the driver's defaults; used for new resources only.</summary>
    public Dictionary<string, InstanceTypeMapping>? InstanceTypes { get; set; }
    /// <summary>Datum image name to the platform's, merged over the driver's defaults; used for new resources only.</summary>
    public Dictionary<string, string>? Images { get; set; }
    /// <summary>Datum disk type to the platform's, merged over the driver's defaults; used for new resources only.</summary>
    public Dictionary<string, string>? DiskTypes { get; set; }
    /// <summary>The driver's own settings; it declares their schema.</summary>
    public JsonElement? Settings { get; set; }
    public ProviderLimits? Limits { get; set; }
    public ManagementDefaults? Management { get; set; }
    public CollectorSettings? Collector { get; set; }
    /// <summary>Secret values may travel in user data when the platform has no better route (law L12).</summary>
    public bool? AllowSecretsInUserData { get; set; }
    /// <summary>Instances may run though a network policy can't be enforced.</summary>
    public bool? AllowUnenforcedPolicies { get; set; }
    /// <summary>Disks may be larger or smaller than asked for where the platform can't enforce a size.</summary>
    public bool? AllowUnenforcedDiskSize { get; set; }
}

/// <summary>Which Locations this config serves. A Location matches when every member that is set matches.</summary>
public sealed class LocationMatch : KubeData
{
    public List<string>? ClassNames { get; set; }
    public MatchLabelsSelector? Selector { get; set; }
    public List<string>? Names { get; set; }
}

public sealed class MatchLabelsSelector : KubeData
{
    public Dictionary<string, string>? MatchLabels { get; set; }
}

/// <summary>Who may reach the account and with which values of scope fields (law L14). Empty means nobody, except in a development plane.</summary>
public sealed class AllowedUse : KubeData
{
    public List<string>? Projects { get; set; }
    public List<string>? Namespaces { get; set; }
    /// <summary>Allowed values by scope field of the location block.</summary>
    public Dictionary<string, List<string>>? Scope { get; set; }
}

public sealed class ProviderCredentials : KubeData
{
    /// <summary>One of <see cref="CredentialsSource"/>.</summary>
    public string Source { get; set; } = CredentialsSource.None;
    public LocalSecretReference? SecretRef { get; set; }
    public FileCredentials? File { get; set; }
    public EnvironmentCredentials? Environment { get; set; }
}

/// <summary>A Secret in the host's own namespace.</summary>
public sealed class LocalSecretReference : KubeData
{
    public string Name { get; set; } = "";
}

/// <summary>A folder with one file for each key, or one file that is the only key.</summary>
public sealed class FileCredentials : KubeData
{
    public string Path { get; set; } = "";
}

/// <summary>Environment variables of the host: prefix and key.</summary>
public sealed class EnvironmentCredentials : KubeData
{
    public string Prefix { get; set; } = "";
}

/// <summary>Where credentials come from.</summary>
public static class CredentialsSource
{
    public const string Secret = "Secret";
    public const string File = "File";
    public const string Environment = "Environment";
    /// <summary>The identity that the platform gives the host where it runs.</summary>
    public const string InjectedIdentity = "InjectedIdentity";
    public const string None = "None";
}

/// <summary>What an instance type means at this platform.</summary>
public sealed class InstanceTypeMapping : KubeData
{
    /// <summary>A quantity of virtual CPUs, e.g. 2 or "500m".</summary>
    public IntOrString? Cpu { get; set; }
    public long? MemoryMiB { get; set; }
    /// <summary>The platform's own name of the size, where it has names.</summary>
    public string? Native { get; set; }
}

public sealed class ProviderLimits : KubeData
{
    /// <summary>Of the whole account; of several configs of one account the least counts. Absent: no limit before the platform throttles.</summary>
    public double? RequestsPerSecond { get; set; }
    /// <summary>Mutations in flight in the whole account, and its entries that are worked on at once; of several configs the least counts. Absent: 8.</summary>
    public int? Concurrency { get; set; }
    /// <summary>
    /// Go-style durations. By kind (<c>Instance</c>) or kind and verb (<c>Instance.Delete</c>): how long an operation is expected to take; passing it
    /// is told and no failure. By kind and <c>.Call</c>: the deadline of one request, 60s at most.
    /// </summary>
    public Dictionary<string, string>? Timeouts { get; set; }
    /// <summary>Looks a minute, for each session, at objects whose listing doesn't show everything. Absent: 60.</summary>
    public int? ObservesPerMinute { get; set; }
}

/// <summary>Defaults that an annotation on the Datum object can change.</summary>
public sealed class ManagementDefaults : KubeData
{
    /// <summary>A Go-style duration, e.g. <c>10s</c>; read it with <see cref="GoDuration"/>.</summary>
    public string? PollInterval { get; set; }
    /// <summary>One of <see cref="FailurePolicy"/>; absent means keep.</summary>
    public string? OnFailure { get; set; }
    /// <summary>One of <see cref="AdoptPolicy"/>; absent means never. An annotation can ask for less, never for more (law L14).</summary>
    public string? Adopt { get; set; }
    /// <summary>One of <see cref="DriftPolicy"/>; absent means correct.</summary>
    public string? Drift { get; set; }
    /// <summary>Platform objects stay when their Datum objects are deleted.</summary>
    public bool? Retain { get; set; }
    /// <summary>Deletions and replacements are refused.</summary>
    public bool? DeletionProtection { get; set; }
    /// <summary>Holds all changes back, whatever an annotation says.</summary>
    public bool? Paused { get; set; }
    /// <summary>As <see cref="Paused"/>.</summary>
    public bool? ObserveOnly { get; set; }
}

/// <summary>What happens when the platform differs from a wish that it had fulfilled.</summary>
public static class DriftPolicy
{
    public const string Correct = "Correct";
    public const string Report = "Report";
}

/// <summary>What happens to a resource that failed.</summary>
public static class FailurePolicy
{
    public const string Keep = "Keep";
    public const string Replace = "Replace";
}

/// <summary>Whether a platform object that we didn't make may become ours.</summary>
public static class AdoptPolicy
{
    public const string Never = "Never";
    public const string IfTagged = "IfTagged";
    public const string Always = "Always";
}

/// <summary>What happens to marked platform objects that no ledger entry knows (law L13).</summary>
public sealed class CollectorSettings : KubeData
{
    /// <summary>One of <see cref="CollectorPolicy"/>; absent means report.</summary>
    public string? Policy { get; set; }
    /// <summary>A Go-style duration: younger objects are left alone.</summary>
    public string? AgeFloor { get; set; }
    /// <summary>Deletions an hour.</summary>
    public int? Budget { get; set; }
}

public static class CollectorPolicy
{
    public const string Report = "Report";
    public const string Delete = "Delete";
}

public sealed class ProviderConfigStatus : KubeData
{
    public List<Condition>? Conditions { get; set; }
    /// <summary>The account that the last successful probe proved.</summary>
    public string? AccountId { get; set; }
    public long? ObservedGeneration { get; set; }
    /// <summary>Locations that this config serves, as <c>namespace/name</c>, ordered.</summary>
    public List<string>? Locations { get; set; }
    /// <summary>What law L15 holds back until a person confirms; absent when nothing is.</summary>
    public List<HoldStatus>? Holds { get; set; }
    /// <summary>What the account has that the ledger doesn't explain; absent when there is nothing.</summary>
    public FindingsStatus? Findings { get; set; }
}
