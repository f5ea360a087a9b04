namespace Datum.Providers.Sdk;

/// <summary>How far a platform's work is.</summary>
public enum OperationStatus
{
    /// <summary>It can't be told: there is no handle, the platform forgot the work, or the look failed (<see cref="OperationLook.Error"/>). The resource's own state decides (DC-28).</summary>
    Unknown = 0,

    /// <summary>Still at work; <see cref="OperationLook.Progress"/> is set.</summary>
    Running = 1,

    /// <summary>Ended well.</summary>
    Succeeded = 2,

    /// <summary>Ended with <see cref="OperationLook.Error"/>.</summary>
    Failed = 3,
}

/// <summary>What one look at a platform's work showed. Nothing waits.</summary>
public sealed record OperationLook
{
    /// <summary>How far it is.</summary>
    public required OperationStatus Status { get; init; }

    /// <summary>Set exactly while Running: when to look again, with the handle.</summary>
    public Progress? Progress { get; init; }

    /// <summary>Why it failed, by the driver's table; with Unknown, why the look failed.</summary>
    public DriverError? Error { get; init; }

    /// <summary>The answer that was read; null when nothing was sent.</summary>
    public RestResult? Answer { get; init; }

    internal static OperationLook Unknown { get; } = new() { Status = OperationStatus.Unknown };
}

/// <summary>What a style reads from an answer, before it becomes an <see cref="OperationLook"/>.</summary>
public sealed record OperationReading
{
    /// <summary>How far it is.</summary>
    public required OperationStatus Status { get; init; }

    /// <summary>What failed, in the platform's words; for Failed.</summary>
    public ErrorDetail? Failure { get; init; }

    /// <summary>The HTTP status that the failure would have had; 0 when the platform doesn't say.</summary>
    public int FailureStatus { get; init; }

    /// <summary>A few words on the progress, e.g. <c>40 %</c>; null for none.</summary>
    public string? Message { get; init; }

    /// <summary>Who is being waited for while Running. Default the platform.</summary>
    public WaitingFor WaitingFor { get; init; } = WaitingFor.Platform;

    /// <summary>Still at work.</summary>
    public static OperationReading Running(string? message = null) => new() { Status = OperationStatus.Running, Message = message };

    /// <summary>Ended well.</summary>
    public static OperationReading Succeeded { get; } = new() { Status = OperationStatus.Succeeded };

    /// <summary>Can't be told.</summary>
    public static OperationReading Unknown { get; } = new() { Status = OperationStatus.Unknown };

    /// <summary>Ended with an error.</summary>
    public static OperationReading Failed(ErrorDetail failure, int status = 0) => new() { Status = OperationStatus.Failed, Failure = failure, FailureStatus = status };
}
