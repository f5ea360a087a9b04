namespace Datum.Providers.Host.Cli;

/// <summary>Result of <c>validate</c>.</summary>
internal sealed record ValidateResult
{
    /// <summary>Whether there is no error.</summary>
    public required bool Valid { get; init; }

    public required int Files { get; init; }

    public required int Objects { get; init; }

    public required int Errors { get; init; }

    public required int Warnings { get; init; }

    /// <summary>By file, document and line.</summary>
    public required IReadOnlyList<ManifestFinding> Findings { get; init; }
}

/// <summary>How bad a finding is.</summary>
internal enum FindingSeverity
{
    Unknown = 0,
    Warning = 1,
    Error = 2,
}

/// <summary>Who would say so.</summary>
internal enum FindingSource
{
    Unknown = 0,

    /// <summary>The file can't be read as manifests.</summary>
    File = 1,

    /// <summary>An API server with our definitions refuses the object.</summary>
    Server = 2,

    /// <summary>An API server takes it, and this host then refuses it with a condition.</summary>
    Host = 3,
}

/// <summary>Something that is wrong with a manifest.</summary>
internal sealed record ManifestFinding
{
    /// <summary><c>-</c> is standard input.</summary>
    public required string File { get; init; }

    /// <summary>From 1.</summary>
    public required int Line { get; init; }

    /// <summary>The place in the file, from 1; 0 where it is about the whole file.</summary>
    public required int Document { get; init; }

    public string? Kind { get; init; }

    public string? Namespace { get; init; }

    public string? Name { get; init; }

    /// <summary>Null where it is about the whole object.</summary>
    public string? Field { get; init; }

    public required FindingSeverity Severity { get; init; }

    public required FindingSource Source { get; init; }

    /// <summary>The rule's id; null where it is a schema's or another's.</summary>
    public string? Rule { get; init; }

    /// <summary>What was found.</summary>
    public required string Message { get; init; }

    /// <summary>What to do, where it can be said.</summary>
    public string? Advice { get; init; }
}
