using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Telemetry;

/// <summary>Telemetry of a project that is sent elsewhere.</summary>
public sealed class ExportPolicy : KubeObject
{
    public ExportPolicySpec Spec { get; set; } = new();
    public ExportPolicyStatus? Status { get; set; }
}

public sealed class ExportPolicySpec : KubeData
{
    public List<TelemetrySink> Sinks { get; set; } = [];
    public List<TelemetrySource> Sources { get; set; } = [];
}

/// <summary>What is sent. What two sources match is sent twice.</summary>
public sealed class TelemetrySource : KubeData
{
    /// <summary>Unique in the policy.</summary>
    public string Name { get; set; } = "";
    public MetricsSource? Metrics { get; set; }
}

public sealed class MetricsSource : KubeData
{
    /// <summary>A MetricsQL selector.</summary>
    public string? Metricsql { get; set; }
}

/// <summary>Where some of the sources go.</summary>
public sealed class TelemetrySink : KubeData
{
    /// <summary>Unique in the policy.</summary>
    public string Name { get; set; } = "";
    /// <summary>Names of sources of the same policy.</summary>
    public List<string> Sources { get; set; } = [];
    public SinkTarget Target { get; set; } = new();
}

public sealed class SinkTarget : KubeData
{
    public PrometheusRemoteWrite? PrometheusRemoteWrite { get; set; }
}

public sealed class PrometheusRemoteWrite : KubeData
{
    public string Endpoint { get; set; } = "";
    public SinkAuthentication? Authentication { get; set; }
    /// <summary>Absent means 500 entries or 5 s, which the schema fills in.</summary>
    public ExportBatch? Batch { get; set; }
    /// <summary>Absent means 3 attempts 5 s apart, which the schema fills in.</summary>
    public ExportRetry? Retry { get; set; }
}

public sealed class SinkAuthentication : KubeData
{
    public BasicAuthentication? BasicAuth { get; set; }
}

public sealed class BasicAuthentication : KubeData
{
    /// <summary>A Secret of type <c>kubernetes.io/basic-auth</c> in the policy's namespace.</summary>
    public TelemetrySecretReference SecretRef { get; set; } = new();
}

public sealed class TelemetrySecretReference : KubeData
{
    public string Name { get; set; } = "";
}

/// <summary>A batch is sent when it is full or old enough.</summary>
public sealed class ExportBatch : KubeData
{
    /// <summary>Entries, 1 to 5000.</summary>
    public int MaxSize { get; set; }
    /// <summary>A Go-style duration; read it with <see cref="GoDuration"/>.</summary>
    public string Timeout { get; set; } = "";
}

public sealed class ExportRetry : KubeData
{
    /// <summary>A Go-style duration; read it with <see cref="GoDuration"/>.</summary>
    public string BackoffDuration { get; set; } = "";
    /// <summary>1 to 10.</summary>
    public int MaxAttempts { get; set; }
}

public sealed class ExportPolicyStatus : KubeData
{
    public List<Condition>? Conditions { get; set; }
    public List<SinkStatus>? Sinks { get; set; }
}

public sealed class SinkStatus : KubeData
{
    public string Name { get; set; } = "";
    public List<Condition>? Conditions { get; set; }
}
