using System.Globalization;

namespace Datum.Providers.Kubernetes;

/// <summary>The service account of a pod: environment variables say where, mounted files who.</summary>
internal static class InClusterConfiguration
{
    private const string HostVariable = "KUBERNETES_SERVICE_HOST";
    private const string PortVariable = "KUBERNETES_SERVICE_PORT";

    public static bool IsPossible(KubeEnvironment environment) =>
        environment.Text(HostVariable) is not null && environment.Text(PortVariable) is not null && File.Exists(TokenFile(environment));

    public static KubernetesConnection Connect(KubeEnvironment environment)
    {
        var host = environment.Text(HostVariable) ?? throw Missing(HostVariable);
        var portText = environment.Text(PortVariable) ?? throw Missing(PortVariable);
        if (!ushort.TryParse(portText, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)
            throw new KubeConfigException($"{PortVariable}: '{portText}' is no port. The kubelet sets it; don't override it in the pod.");
        var bracketed = host.Contains(':', StringComparison.Ordinal) && !host.StartsWith('[') ? $"[{host}]" : host;
        if (!Uri.TryCreate($"https://{bracketed}:{port}", UriKind.Absolute, out var server) || server.AbsolutePath != "/")
            throw new KubeConfigException($"{HostVariable}: '{host}' is no host. The kubelet sets it; don't override it in the pod.");
        var token = TokenFile(environment);
        if (!File.Exists(token))
            throw new KubeConfigException($"{token}: doesn't exist. Give the pod a service account (automountServiceAccountToken) or use a kubeconfig.");
        var authority = Path.Combine(environment.ServiceAccountFolder, "ca.crt");
        return new KubernetesConnection
        {
            Server = server,
            TokenFile = token,
            Authorities = File.Exists(authority) ? Pem.Authorities(Pem.Read(authority, authority), authority) : null,
            AuthoritiesFile = File.Exists(authority) ? authority : null,
            Namespace = Namespace(environment),
            Environment = environment,
        };
    }

    private static string TokenFile(KubeEnvironment environment) => Path.Combine(environment.ServiceAccountFolder, "token");

    private static string? Namespace(KubeEnvironment environment)
    {
        var file = Path.Combine(environment.ServiceAccountFolder, "namespace");
        return File.Exists(file) && Pem.Read(file, file).Trim() is { Length: > 0 } name ? name : null;
    }

    private static KubeConfigException Missing(string variable) =>
        new($"{variable}: isn't set, so this is no pod of a cluster. Name a kubeconfig or set KUBECONFIG.");
}
