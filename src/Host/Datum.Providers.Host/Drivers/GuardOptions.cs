using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Drivers;

/// <summary>How one driver's sessions are guarded.</summary>
public sealed record GuardOptions
{
    /// <summary>The driver's id, for logs and metrics.</summary>
    public required string DriverId { get; init; }

    /// <summary>Whose clock times the calls. They begin on the process's thread pool, since a driver that blocks costs a real thread.</summary>
    public required IScheduler Scheduler
    {
        get;
        init
        {
            field = value;
            Lane = new CallLane(value.Time);
        }
    }

    public required ILogger Logger { get; init; }

    /// <summary>What a call may take beyond its deadline (or its cancellation) to answer by itself, since its own answer says more than ours. Default 1 s.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long opening a session may take. Default 60 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long closing a session may take. Default 10 s.</summary>
    public TimeSpan DisposeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Told of each call; null when nobody wants to know.</summary>
    public IDriverCallMarks? Marks { get; init; }

    /// <summary>Takes known secret values out of exception texts (law L12); null when none are known.</summary>
    public Func<string, string>? Redact { get; init; }

    /// <summary>Begins and watches the calls of all sessions that these options, or copies of them, are given to: of one driver.</summary>
    internal CallLane Lane { get; private init; } = null!;
}
