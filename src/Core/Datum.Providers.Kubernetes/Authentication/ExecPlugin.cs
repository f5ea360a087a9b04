using System.Text.Json.Nodes;

namespace Datum.Providers.Kubernetes;

/// <summary>A credential plugin: a program that prints an ExecCredential of client.authentication.k8s.io.</summary>
public sealed class ExecPlugin
{
    /// <summary>Where it is configured; begins every error.</summary>
    public required string Origin { get; init; }

    /// <summary><c>client.authentication.k8s.io/v1</c> or <c>/v1beta1</c>; the plugin must answer in the same.</summary>
    public required string ApiVersion { get; init; }

    /// <summary>An absolute path, or a name that is looked for on PATH.</summary>
    public required string Command { get; init; }

    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Added to the process's own environment; may hold secrets.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Variables { get; init; } = [];

    /// <summary>Told when the program isn't there.</summary>
    public string? InstallHint { get; init; }

    /// <summary>spec.cluster of what the plugin is given; null gives it none.</summary>
    public JsonObject? ClusterInfo { get; init; }

    /// <summary>After it the program and its children are ended.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    public override string ToString() => $"{Origin}: {Command}";
}
