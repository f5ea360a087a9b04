namespace Datum.Providers.Drivers.Vsphere.Vim;

/// <summary>What vCenter's faults mean. A fault's own type comes before what it was caused by; the table's order decides between rows.</summary>
internal static class VimErrors
{
    /// <summary>Every row; each has a test.</summary>
    public static ImmutableArray<ErrorRow> Rows { get; } =
    [
        new() { PlatformCodes = ["NotAuthenticated", "InvalidLogin", "InvalidLocale", "SSPIChallenge"], Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["NoPermission", "RestrictedByAdministrator", "DvsNotAuthorized", "InvalidPrivilege"], Code = ErrorCode.Forbidden, Effect = Effect.NotApplied },
        // Licences count machines and processors: more of them can be bought, as a quota is raised.
        new() { PlatformCodes = ["VmLimitLicense", "NotEnoughLicenses", "LimitExceeded", "NumVirtualCpusExceedsLimit", "MemorySizeNotSupported", "InsufficientStandbyResource"], Code = ErrorCode.QuotaExceeded, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["Insufficient*", "NoDiskSpace", "NoCompatibleHost*", "NoMaintenanceModeDrsRecommendationForVM", "NoActiveHostInCluster", "OutOfSpace*"], Code = ErrorCode.CapacityUnavailable, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["LicenseExpired", "RestrictedVersion", "NotSupported", "MethodNotFound", "NotImplemented"], Code = ErrorCode.Unsupported, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["ConcurrentAccess"], Code = ErrorCode.PreconditionFailed, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["DuplicateName", "AlreadyExists", "FileAlreadyExists", "ResourceInUse"], Code = ErrorCode.Conflict, Effect = Effect.NotApplied },
        // A power state that isn't the one of the last look: somebody switched it meanwhile.
        new() { PlatformCodes = ["InvalidPowerState", "InvalidState", "ToolsUnavailable"], Code = ErrorCode.PreconditionFailed, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["TaskInProgress", "FileLocked", "CannotAccessFile"], Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["ManagedObjectNotFound", "NotFound", "FileNotFound"], Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["HostNotConnected", "HostCommunication", "HostNotReachable", "NetworkInaccessible", "RequestCanceled", "Timedout", "ServerBusy"], Code = ErrorCode.Unavailable },
        new() { PlatformCodes = ["*HotPlugNotSupported", "CpuHotPlug*", "MemoryHotPlug*"], Code = ErrorCode.PreconditionFailed, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["Invalid*", "OutOfBounds", "MissingNetworkIpConfig", "*CustomizationFault", "CustomizationPending", "UncustomizableGuest", "UnsupportedDiskController"], Code = ErrorCode.Invalid, Effect = Effect.NotApplied },
        // The platform's own failure: nobody knows how far it came.
        new() { PlatformCodes = ["SystemError", "RuntimeFault", "HostConfigFault", "PlatformConfigFault"], Code = ErrorCode.Unavailable },
    ];

    /// <summary>The table of one session.</summary>
    public static ErrorTable Table(Redactor redactor) => new() { Rows = Rows, Redactor = redactor, Detail = VimFault.ReadDetail, RequestIdHeaders = [] };

    public static DriverError Refused(ErrorCode code, string message, Effect effect = Effect.NotApplied) =>
        new() { Code = code, Effect = effect, Scope = ErrorTable.DefaultScope(code), Message = message };

    public static DriverError NotOurs(string what) => Refused(ErrorCode.Conflict, $"{what} doesn't carry this resource's mark; it is left alone.") with { BlockedBy = [what] };

    public static DriverError NoSuchStep(Step step) => Refused(ErrorCode.PreconditionFailed, $"This resource has no step {step.Verb} {step.Part}; look again.");

    public static DriverError NotOurCursor() => Refused(ErrorCode.PreconditionFailed, "The cursor isn't one of this listing; begin again.");
}
