using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Datum.Providers.Kubernetes;

/// <summary>Makes the one connection pool of a server.</summary>
internal static class KubernetesHandler
{
    public static SocketsHttpHandler Create(KubernetesConnection connection)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            // A proxy of the environment can't reach our own loopback.
            UseProxy = !connection.Server.IsLoopback,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5),
            // New connections follow a server that moves; open watches are not cut by it.
            PooledConnectionLifetime = TimeSpan.FromMinutes(15),
            // A watch that we leave has no end to wait for.
            ResponseDrainTimeout = TimeSpan.FromMilliseconds(100),
            EnableMultipleHttp2Connections = true,
            // Finds a dead peer under a quiet watch.
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(15),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        };
        var tls = handler.SslOptions;
        if (connection.ClientCertificate is { } certificate)
            tls.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate;
        if (connection.Authorities is { } authorities)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
        }
        if (connection.SkipTlsVerify)
#pragma warning disable CA5359 // The operator asked for it in the kubeconfig.
            tls.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
        else if (connection.TlsServerName is { } name)
            tls.RemoteCertificateValidationCallback = (_, server, _, errors) => CarriesName(server, errors, name);
        return handler;
    }

    /// <summary>The chain must hold as always; only the name is compared with another one.</summary>
    private static bool CarriesName(X509Certificate? server, SslPolicyErrors errors, string name) =>
        (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None
        && server is X509Certificate2 certificate && certificate.MatchesHostname(name);
}
