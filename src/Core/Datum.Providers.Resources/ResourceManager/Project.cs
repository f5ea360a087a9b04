using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.ResourceManager;

/// <summary>A project of an organization; each has a control plane of its own.</summary>
public sealed class Project : KubeObject
{
    public ProjectSpec Spec { get; set; } = new();
    public ProjectStatus? Status { get; set; }

    /// <summary>True while at least one suspension is in force.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool IsSuspended => Status?.Suspensions is { Count: > 0 };
}

public sealed class ProjectSpec : KubeData
{
    /// <summary>Whose project it is. Required in the group of today, absent in the older one.</summary>
    public ProjectOwner? OwnerRef { get; set; }
}

/// <summary>Names the owner of a project.</summary>
public sealed class ProjectOwner : KubeData
{
    /// <summary>Only <c>Organization</c> is known.</summary>
    public string Kind { get; set; } = "";
    public string Name { get; set; } = "";
}

public sealed class ProjectStatus : KubeData
{
    public List<Condition>? Conditions { get; set; }
    public List<ProjectSuspension>? Suspensions { get; set; }
}

/// <summary>A reason why a project is held.</summary>
public sealed class ProjectSuspension : KubeData
{
    /// <summary>Fraud, Abuse, Billing, Compliance or Administrative.</summary>
    public string Reason { get; set; } = "";
    /// <summary>Who can end it: Operator or Consumer.</summary>
    public string ReinstateAuthority { get; set; } = "";
    public DateTimeOffset SuspendedAt { get; set; }
}
