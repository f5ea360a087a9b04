namespace Datum.Providers.Host.Loader;

/// <summary>The stages that a driver folder passes. No code of the driver runs before <see cref="Load"/>.</summary>
public enum DriverPhase
{
    Unknown = 0,

    /// <summary>Looking for folders in the driver volume.</summary>
    Find = 1,

    /// <summary>Reading driver.json.</summary>
    Manifest = 2,

    /// <summary>Contract, framework, file list and digests.</summary>
    Verify = 3,

    /// <summary>The entry assembly and what it refers to.</summary>
    Load = 4,

    /// <summary>The entry type's constructor and its description.</summary>
    Activate = 5,
}

/// <summary>Why a driver isn't there. Closed: conditions, metrics and docs name these words.</summary>
public enum DriverRejectionReason
{
    Unknown = 0,
    VolumeMissing = 1,
    Unreadable = 2,
    LinkRefused = 3,
    ManifestMissing = 4,
    ManifestInvalid = 5,
    NotSelected = 6,
    NotTrusted = 7,
    ContractMismatch = 8,
    FrameworkMismatch = 9,
    FileMissing = 10,
    FileNotListed = 11,
    DigestMismatch = 12,
    PrivateSharedAssembly = 13,
    DuplicateId = 14,
    DuplicateLocationKey = 15,
    NotAnAssembly = 16,
    DependencyMissing = 17,
    TypeLoadFailed = 18,
    EntryTypeInvalid = 19,
    ConstructorFailed = 20,
    DescribeFailed = 21,
    DescribeTimedOut = 22,
    DescriptorInvalid = 23,
    SignatureMissing = 24,
    SignatureInvalid = 25,
    CrashedRepeatedly = 26,
}

/// <summary>A driver folder that wasn't taken. The others start all the same (law L9).</summary>
public sealed record DriverRejection
{
    /// <summary>Full path of the folder.</summary>
    public required string Folder { get; init; }

    /// <summary>The id in its manifest; null when that couldn't be read.</summary>
    public string? Id { get; init; }

    /// <summary>The location key in its manifest; null when that couldn't be read.</summary>
    public string? LocationKey { get; init; }

    public required DriverPhase Phase { get; init; }

    public required DriverRejectionReason Reason { get; init; }

    /// <summary>What was found and what to do, for the platform operator.</summary>
    public required string Message { get; init; }
}

/// <summary>Ends the way of one driver folder; never leaves the loader.</summary>
internal sealed class DriverRejectedException(DriverPhase phase, DriverRejectionReason reason, string message) : Exception(message)
{
    public DriverPhase Phase { get; } = phase;

    public DriverRejectionReason Reason { get; } = reason;
}
