namespace Datum.Providers.Kubernetes;

/// <summary>What a server does with fields that a kind doesn't have, or that stand twice.</summary>
public enum FieldValidation
{
    /// <summary>Dropped without a word.</summary>
    Ignore = 0,
    /// <summary>Dropped; told in the answer's Warning header, which is logged. What servers do by default.</summary>
    Warn = 1,
    /// <summary>The write is refused with 400.</summary>
    Strict = 2,
}

/// <summary>What a create, replace or patch asks for beside its body. An empty value is not sent.</summary>
public sealed record WriteOptions
{
    /// <summary>The owner of the fields that the write sets; required by an apply patch.</summary>
    public string? FieldManager { get; init; }

    /// <summary>Apply patches only: take fields over that others own, instead of 409.</summary>
    public bool Force { get; init; }

    /// <summary>Check and answer as if, but store nothing.</summary>
    public bool DryRun { get; init; }

    public FieldValidation? Validation { get; init; }
}

/// <summary>What becomes of the objects that a deleted object owns.</summary>
public enum DeletePropagation
{
    /// <summary>The garbage collector removes them afterwards.</summary>
    Background = 0,
    /// <summary>They go first; the owner stays, deleting, until they are gone.</summary>
    Foreground = 1,
    /// <summary>They stay.</summary>
    Orphan = 2,
}

/// <summary>How to delete.</summary>
public sealed record DeleteOptions
{
    public DeletePropagation Propagation { get; init; } = DeletePropagation.Background;

    /// <summary>Null leaves it to the kind.</summary>
    public TimeSpan? GracePeriod { get; init; }

    public bool DryRun { get; init; }
}
