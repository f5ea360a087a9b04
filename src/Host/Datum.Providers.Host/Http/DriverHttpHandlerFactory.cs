using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Datum.Providers.Host.Http;

/// <summary>Where a session's requests go and what is trusted there.</summary>
public sealed record DriverHttpOptions
{
    /// <summary>The driver's id, for metrics.</summary>
    public required string DriverId { get; init; }

    /// <summary>ProviderConfig <c>endpoint</c>: <c>http</c>, <c>https</c> or <c>unix:///path</c>; null leaves it to the driver.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>ProviderConfig <c>proxy</c>; null for none. The proxy variables of the environment are not read, so that an account's route is in its config.</summary>
    public Uri? Proxy { get; init; }

    /// <summary>ProviderConfig <c>caBundle</c>, PEM: then only these roots are trusted; null for the system's.</summary>
    public string? CaBundle { get; init; }

    /// <summary>
    /// ProviderConfig <c>fingerprint</c>: the SHA-256 of the server's certificate in hex, with colons between pairs or without. Then only that certificate
    /// is taken, whatever its name, age and issuer; with a <see cref="CaBundle"/> it has to be valid by that too. Null for none.
    /// </summary>
    public string? Fingerprint { get; init; }

    /// <summary>Connections to one server at most. Default 16.</summary>
    public int MaxConnections { get; init; } = 16;

    /// <summary>How long a connection may take. Default 10 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>After this a connection isn't used again, so that changed addresses are noticed. Default 5 min.</summary>
    public TimeSpan ConnectionLifetime { get; init; } = TimeSpan.FromMinutes(5);
}

/// <summary>Makes the handler that a session's requests go through. Whoever asks for it disposes it after the session.</summary>
public static class DriverHttpHandlerFactory
{
    private const int MaxHeaderKiB = 64;

    /// <summary>Throws <see cref="ArgumentException"/> whose message names the field of the ProviderConfig that is wrong.</summary>
    public static HttpMessageHandler Create(DriverHttpOptions options)
    {
        var unixPath = UnixPath(options.Endpoint);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = options.Proxy is not null,
            Proxy = Proxy(options.Proxy, unixPath),
            ConnectTimeout = options.ConnectTimeout,
            PooledConnectionLifetime = options.ConnectionLifetime,
            MaxConnectionsPerServer = options.MaxConnections,
            MaxResponseHeadersLength = MaxHeaderKiB,
            // Trace ids are the operator's; a platform has no use for them.
            ActivityHeadersPropagator = DistributedContextPropagator.CreateNoOutputPropagator(),
        };
        try
        {
            if (unixPath is not null)
                handler.ConnectCallback = (_, cancellation) => ConnectUnixAsync(unixPath, cancellation);
            handler.SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = options.CaBundle is { } bundle ? ChainPolicy(bundle) : null,
                RemoteCertificateValidationCallback = options.Fingerprint is { } fingerprint ? Pinned(Fingerprint(fingerprint, options.Endpoint), options.CaBundle is not null) : null,
            };
            return new CountingHandler(handler, options.DriverId, unixPath is null ? null : "unix");
        }
        catch
        {
            handler.Dispose();
            throw;
        }
    }

    private static string? UnixPath(Uri? endpoint)
    {
        if (endpoint is null)
            return null;
        if (!endpoint.IsAbsoluteUri)
            throw new ArgumentException($"endpoint: '{endpoint}' must be an absolute URL.");
        if (endpoint.UserInfo.Length > 0)
            throw new ArgumentException("endpoint: must not hold a user name or password; they belong into the credentials.");
        return endpoint.Scheme switch
        {
            "http" or "https" => null,
            "unix" when endpoint.Host.Length == 0 && endpoint.LocalPath.Length > 1 => endpoint.LocalPath,
            "unix" => throw new ArgumentException($"endpoint: '{endpoint}' must be unix:///path with three slashes and an absolute path."),
            _ => throw new ArgumentException($"endpoint: scheme '{endpoint.Scheme}' isn't http, https or unix."),
        };
    }

    private static WebProxy? Proxy(Uri? proxy, string? unixPath)
    {
        if (proxy is null)
            return null;
        if (unixPath is not null)
            throw new ArgumentException("proxy: a unix socket can't be reached through a proxy.");
        if (!proxy.IsAbsoluteUri || proxy.Scheme is not ("http" or "https" or "socks5"))
            throw new ArgumentException("proxy: must be an absolute http, https or socks5 URL.");
        return proxy.UserInfo.Length == 0 ? new WebProxy(proxy) : throw new ArgumentException("proxy: must not hold a user name or password.");
    }

    private static X509ChainPolicy ChainPolicy(string bundle)
    {
        var roots = new X509Certificate2Collection();
        try
        {
            roots.ImportFromPem(bundle);
        }
        catch (CryptographicException e)
        {
            throw new ArgumentException($"caBundle: isn't a bundle of PEM certificates: {e.Message}", e);
        }

        if (roots.Count == 0)
            throw new ArgumentException("caBundle: holds no PEM certificate.");
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        return policy;
    }

    private static byte[] Fingerprint(string text, Uri? endpoint)
    {
        if (endpoint is not null && endpoint.Scheme != Uri.UriSchemeHttps)
            throw new ArgumentException($"fingerprint: the endpoint '{endpoint}' has no certificate; it isn't https.");
        var digits = text.Length == 95 ? text.Replace(":", "", StringComparison.Ordinal) : text;
        if (digits.Length != 64 || !digits.All(char.IsAsciiHexDigit) || (text.Length == 95 && text.Where((_, i) => i % 3 == 2).Any(c => c != ':')))
            throw new ArgumentException($"fingerprint: must be the SHA-256 of a certificate, 64 hex digits with colons between pairs or without; it has {text.Length} characters{(digits.Length == 40 ? ", as a SHA-1 has" : "")}.");
        return Convert.FromHexString(digits);
    }

    /// <summary>Takes one certificate. Who meets another is told which: it is public.</summary>
    private static RemoteCertificateValidationCallback Pinned(byte[] fingerprint, bool checksChain) => (_, certificate, _, errors) =>
    {
        var found = certificate is null ? [] : SHA256.HashData(certificate.GetRawCertData());
        if (!found.AsSpan().SequenceEqual(fingerprint))
            throw new AuthenticationException($"the server's certificate has the fingerprint {string.Join(':', Convert.ToHexString(found).Chunk(2).Select(c => new string(c)))}, and the ProviderConfig pins another one");
        return !checksChain || errors == SslPolicyErrors.None;
    };

    private static async ValueTask<Stream> ConnectUnixAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
