namespace Datum.Providers.Kubernetes;

/// <summary>What a connection takes from the process around it, so that a test can give its own.</summary>
public sealed record KubeEnvironment
{
    /// <summary>The process's own variables and folders.</summary>
    public static KubeEnvironment Process { get; } = new();

    /// <summary>The value of an environment variable, or null.</summary>
    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>The folder that holds <c>.kube/config</c>.</summary>
    public string Home { get; init; } = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    /// <summary>Where a pod finds token, ca.crt and namespace of its service account.</summary>
    public string ServiceAccountFolder { get; init; } = "/var/run/secrets/kubernetes.io/serviceaccount";

    internal string? Text(string name) => Variable(name) is { Length: > 0 } value ? value : null;
}
