using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Kubernetes;

public sealed record KubernetesClientOptions
{
    public IScheduler Scheduler { get; init; } = SystemScheduler.Instance;

    public ILogger Logger { get; init; } = NullLogger.Instance;

    public IKubernetesRequestObserver? Observer { get; init; }

    public string UserAgent { get; init; } = "datum-providers";

    /// <summary>For one request and its whole answer; for a watch until its headers are in.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a read is sent again after a failed connection or status 429, 500, 502, 503 or 504. Writes never are.</summary>
    public int MaxRetries { get; init; } = 3;

    /// <summary>The largest object, watch event or raw answer that is accepted, in bytes; etcd's own limit for an object is 1.5 MiB.</summary>
    public int MaxObjectBytes { get; init; } = 16 << 20;

    /// <summary>The largest list page that is accepted, in bytes after decompression.</summary>
    public long MaxListPageBytes { get; init; } = 512L << 20;
}
