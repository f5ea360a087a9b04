namespace Datum.Providers.Resources.Validation;

/// <summary>Where a rule is asked. What isn't asked by a server is asked by the host before it calls a platform, whatever a server let through.</summary>
[Flags]
public enum Asked
{
    None = 0,

    /// <summary>The definition's schema: any API server.</summary>
    Schema = 1,

    /// <summary>A CEL rule of the definition: any API server.</summary>
    Cel = 2,

    /// <summary>The admission webhook and <c>validate</c>.</summary>
    Webhook = 4,

    /// <summary>A controller, before a platform is called; the answer is a condition.</summary>
    Host = 8,
}

/// <summary>One rule about one kind of Datum object.</summary>
/// <param name="Id">Stays: scripts and pages name it.</param>
/// <param name="Kinds">The kinds that it is about, by commas; <c>Template</c> stands for the template of Workload and WorkloadDeployment and for Instance.</param>
/// <param name="Field">The field, below the template where the rule is about one. <c>[]</c> is any item.</param>
/// <param name="Needs">What must hold.</param>
/// <param name="Upstream">What upstream's webhook or definition says of the same; empty where it says nothing.</param>
public sealed record Rule(string Id, string Kinds, string Field, string Needs, Asked Asked, string Upstream)
{
    /// <summary>The rule's text in the definition; null where CEL doesn't say it.</summary>
    public string? Cel { get; init; }

    public Violation At(string field, string message, string? capability = null) => new(this, field, message, capability);
}

/// <summary>An object breaks a rule. The message says what was found and what to do; it never holds a value that may be secret (law L12).</summary>
/// <param name="Field">With indexes, as an API server names fields.</param>
/// <param name="Capability">Of a driver, where it lacks one (law L11).</param>
public sealed record Violation(Rule Rule, string Field, string Message, string? Capability = null);
