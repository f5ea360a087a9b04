using System.Security.Cryptography.X509Certificates;

namespace Datum.Providers.Kubernetes;

/// <summary>How to reach one API server and who we are there.</summary>
public sealed class KubernetesConnection
{
    /// <summary>http or https; a path is put before every request's path.</summary>
    public required Uri Server { get; init; }

    /// <summary>The authorities that sign the server's certificate; null trusts the machine's own.</summary>
    public X509Certificate2Collection? Authorities { get; init; }

    public bool SkipTlsVerify { get; init; }

    /// <summary>The name that the server's certificate must carry instead of the host of <see cref="Server"/>.</summary>
    public string? TlsServerName { get; init; }

    /// <summary>With its private key.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    public string? Token { get; init; }

    /// <summary>A file that is read again at least every minute, because tokens in it rotate.</summary>
    public string? TokenFile { get; init; }

    /// <summary>The namespace that the kubeconfig's context names.</summary>
    public string? Namespace { get; init; }

    /// <summary>Says where, never who: a token must not reach a log.</summary>
    public override string ToString() => Server.ToString();
}
