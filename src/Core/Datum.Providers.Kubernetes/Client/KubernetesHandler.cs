using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Datum.Providers.Kubernetes;

/// <summary>Makes the connections of a server.</summary>
internal static class KubernetesHandler
{
    private const int Probes = 3;

    public static SocketsHttpHandler Create(KubernetesConnection connection, TlsIdentity identity)
    {
        IWebProxy? proxy = connection.Proxy is { } named ? new FixedProxy(named) : EnvironmentProxy.For(connection.Server, connection.Environment);
        var handler = new SocketsHttpHandler
        {
            // Another host must never see the token.
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = proxy is not null,
            Proxy = proxy,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5),
            // New connections follow a server that moves; open watches are not cut by it.
            PooledConnectionLifetime = TimeSpan.FromMinutes(15),
            // A watch that we leave has no end to wait for.
            ResponseDrainTimeout = TimeSpan.FromMilliseconds(100),
            EnableMultipleHttp2Connections = true,
            // Finds a dead peer under a quiet watch.
            KeepAlivePingDelay = connection.KeepAliveDelay,
            KeepAlivePingTimeout = connection.KeepAliveTimeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            ConnectCallback = async (context, cancellation) => await ConnectAsync(context.DnsEndPoint, connection, cancellation),
        };
        var tls = handler.SslOptions;
        if (identity.Certificate is { } certificate)
            tls.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, identity.Chain, offline: true);
        if (identity.Authorities is { } authorities)
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
        return handler;
    }

    /// <summary>HTTP/1.1 has no PING: there the kernel probes a quiet connection, and ends it when no probe is answered.</summary>
    internal static async Task<NetworkStream> ConnectAsync(DnsEndPoint target, KubernetesConnection connection, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, Seconds(connection.KeepAliveDelay));
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, Seconds(connection.KeepAliveTimeout / Probes));
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, Probes);
            await socket.ConnectAsync(target, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static int Seconds(TimeSpan time) => Math.Max(1, (int)time.TotalSeconds);
}
