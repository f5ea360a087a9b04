using Datum.Providers.Host.Drivers;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Loader;

/// <summary>Where drivers are and which of them may run.</summary>
public sealed record DriverVolumeOptions
{
    /// <summary>The folder that holds one folder for each driver. Read-only for the host; it downloads nothing.</summary>
    public required string Path { get; init; }

    /// <summary>Ids of the drivers to start (<c>--drivers</c>); null for all.</summary>
    public IReadOnlySet<string>? Only { get; init; }

    /// <summary>SHA-256 (lower-case hex) of the driver.json files that may run; null for any.</summary>
    public IReadOnlySet<string>? TrustedDigests { get; init; }

    /// <summary>Keys one of which must have signed driver.json; null for no signatures.</summary>
    public DriverKeys? Keys { get; init; }

    /// <summary>Whether each driver gets copies of the framework assemblies that would keep its context alive. Default true.</summary>
    public bool PrivateFramework { get; init; } = true;

    /// <summary>Folder for the private copies of native libraries; it must allow execution. Null for the system's temporary folder.</summary>
    public string? NativePath { get; init; }

    /// <summary>Which drivers ended the process before; null where nobody keeps that.</summary>
    internal ICrashBook? Crashes { get; init; }

    /// <summary>Whether load contexts can be unloaded. Default false: collectible code starts more slowly, and drivers change with a restart of the host.</summary>
    public bool Collectible { get; init; }

    /// <summary>How long constructor and Describe() may take together. Default 10 s.</summary>
    public TimeSpan DescribeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a session may take to open. Default 60 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Told of each call of a driver; null when nobody wants to know.</summary>
    public IDriverCallMarks? Marks { get; init; }

    /// <summary>Runs the calls of the sessions that the catalog's factories open.</summary>
    public IScheduler Scheduler { get; init; } = SystemScheduler.Instance;
}
