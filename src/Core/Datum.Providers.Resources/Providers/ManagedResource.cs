using System.Text.Json;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Providers;

/// <summary>One entry of the ledger: one thing that we own at a platform. Cluster-scoped, on the home plane.</summary>
public sealed class ManagedResource : KubeObject
{
    public ManagedResourceSpec Spec { get; set; } = new();
    public ManagedResourceStatus? Status { get; set; }
}

public sealed class ManagedResourceSpec : KubeData
{
    /// <summary>The newest format that this version writes.</summary>
    public const int CurrentFormat = 1;

    /// <summary>The format of this entry. A host never changes an entry of a newer format.</summary>
    public int Format { get; set; } = CurrentFormat;
    public string Installation { get; set; } = "";
    /// <summary>One of <see cref="ManagedResourceKind"/>.</summary>
    public string Kind { get; set; } = "";
    /// <summary>Which of the owner's resources of that kind; unique for owner and kind.</summary>
    public string Slot { get; set; } = "";
    public ResourceOwner Owner { get; set; } = new();
    public string Driver { get; set; } = "";
    public string ProviderConfig { get; set; } = "";
    public ResourceLocation? Location { get; set; }
    /// <summary>The scope fields as they were when the entry was made; they never change.</summary>
    public Dictionary<string, string>? Scope { get; set; }
    /// <summary>The provider block as it was when the entry was made, so that deletion works without the Location.</summary>
    public JsonElement? LocationBlock { get; set; }
    /// <summary>Only false starts a delete at the platform; a deletionTimestamp never does.</summary>
    public bool Wanted { get; set; }
    public List<ResourceDependency>? DependsOn { get; set; }
    /// <summary>Canonical JSON of the contract's spec.</summary>
    public JsonElement? Desired { get; set; }
    public ResourcePolicies? Policies { get; set; }
    /// <summary>What can't be found again; written by the host only.</summary>
    public ResourceRecord Record { get; set; } = new();
}

public static class ManagedResourceKind
{
    public const string Network = "Network";
    public const string Subnet = "Subnet";
    public const string Firewall = "Firewall";
    public const string Address = "Address";
    public const string Disk = "Disk";
    public const string Secret = "Secret";
    public const string Instance = "Instance";

    public static IReadOnlyList<string> All { get; } = [Network, Subnet, Firewall, Address, Disk, Secret, Instance];
}

/// <summary>The Datum object that an entry exists for.</summary>
public sealed class ResourceOwner : KubeData
{
    /// <summary>The id of the project plane.</summary>
    public string Plane { get; set; } = "";
    public string ApiVersion { get; set; } = "";
    public string Kind { get; set; } = "";
    public string? Namespace { get; set; }
    public string Name { get; set; } = "";
    public string Uid { get; set; } = "";
}

public sealed class ResourceLocation : KubeData
{
    public string Name { get; set; } = "";
    public string? Namespace { get; set; }
    public string Uid { get; set; } = "";
}

/// <summary>Another entry that must be Ready first and deleted later (law L7).</summary>
public sealed class ResourceDependency : KubeData
{
    /// <summary>The name of the other entry.</summary>
    public string Name { get; set; } = "";
    /// <summary>What it is for this one, e.g. <c>network</c>.</summary>
    public string As { get; set; } = "";
}

/// <summary>The policies in force, from annotations over the ProviderConfig's defaults.</summary>
public sealed class ResourcePolicies : KubeData
{
    public bool Paused { get; set; }
    public bool ObserveOnly { get; set; }
    /// <summary>The platform object stays when the entry goes.</summary>
    public bool Retain { get; set; }
    public bool DeletionProtection { get; set; }
    /// <summary>One of <see cref="FailurePolicy"/>; absent means keep.</summary>
    public string? OnFailure { get; set; }
    /// <summary>One of <see cref="AdoptPolicy"/>; absent means never.</summary>
    public string? Adopt { get; set; }
    /// <summary>What is to be adopted, by the platform's own id or name; absent means nothing.</summary>
    public string? AdoptId { get; set; }
    /// <summary>One of <see cref="DriftPolicy"/>; absent means correct.</summary>
    public string? Drift { get; set; }
    /// <summary>How often the object is looked at though nothing changed; absent means with its account's listing only.</summary>
    public int? PollIntervalSeconds { get; set; }
    /// <summary>How long a guest may take to stop before it is deleted.</summary>
    public int? TerminationGraceSeconds { get; set; }
}

/// <summary>Only what one observation can rebuild: a backup may drop it.</summary>
public sealed class ManagedResourceStatus : KubeData
{
    public List<Condition>? Conditions { get; set; }
    public string? State { get; set; }
    public string? ProviderId { get; set; }
    /// <summary>The facts of the last observation.</summary>
    public JsonElement? Observed { get; set; }
    public List<string>? Addresses { get; set; }
    public long? ObservedGeneration { get; set; }
    public string? Message { get; set; }
    /// <summary>Digest of the desired state that the platform was last seen to have in full.</summary>
    public string? DesiredHash { get; set; }
}
