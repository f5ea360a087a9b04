using System.Security.Cryptography.X509Certificates;

namespace Datum.Providers.Kubernetes;

/// <summary>
/// How to reach one API server and who we are there. Clients of the same instance share one connection pool and one set of credentials.
/// </summary>
public sealed class KubernetesConnection
{
    private readonly Lock _gate = new();
    private ConnectionPool? _pool;

    /// <summary>http or https; a path is put before every request's path.</summary>
    public required Uri Server { get; init; }

    /// <summary>The authorities that sign the server's certificate; null trusts the machine's own.</summary>
    public X509Certificate2Collection? Authorities { get; init; }

    /// <summary>The PEM file that <see cref="Authorities"/> was read from; it is read again at least every minute.</summary>
    public string? AuthoritiesFile { get; init; }

    public bool SkipTlsVerify { get; init; }

    /// <summary>The name that is asked of the server (SNI and Host) and that its certificate must carry, instead of the host of <see cref="Server"/>.</summary>
    public string? TlsServerName { get; init; }

    /// <summary>With its private key.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>Intermediate certificates that are sent beside <see cref="ClientCertificate"/>.</summary>
    public X509Certificate2Collection? ClientCertificateChain { get; init; }

    /// <summary>The PEM file of <see cref="ClientCertificate"/>; with <see cref="ClientKeyFile"/> it is read again at least every minute.</summary>
    public string? ClientCertificateFile { get; init; }

    public string? ClientKeyFile { get; init; }

    public string? Token { get; init; }

    /// <summary>A file that is read again at least every minute, because tokens in it rotate, and at once after status 401.</summary>
    public string? TokenFile { get; init; }

    /// <summary>HTTP basic authentication.</summary>
    public BasicCredential? Basic { get; init; }

    /// <summary>A program that gives tokens or client certificates; only used without any other credential.</summary>
    public ExecPlugin? Exec { get; init; }

    /// <summary>Bearer tokens that are fetched and refreshed; only used without any other credential.</summary>
    public AccessTokens? Tokens { get; init; }

    /// <summary>Whom the server shall take us for.</summary>
    public Impersonation? Impersonate { get; init; }

    /// <summary>http, https or socks5. Null: by HTTPS_PROXY and NO_PROXY of the environment.</summary>
    public Uri? Proxy { get; init; }

    /// <summary>Don't ask for gzip.</summary>
    public bool DisableCompression { get; init; }

    /// <summary>The namespace that the kubeconfig's context names.</summary>
    public string? Namespace { get; init; }

    /// <summary>The kubeconfig's context that this is.</summary>
    public string? Context { get; init; }

    /// <summary>How long a connection may be quiet before it is asked for a sign of life: an HTTP/2 PING, a TCP probe under HTTP/1.1. At least a second.</summary>
    public TimeSpan KeepAliveDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a sign of life may take before the peer counts as dead. At least a second.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(15);

    internal KubeEnvironment Environment { get; init; } = KubeEnvironment.Process;

    /// <summary>The credentials, which connections made by <see cref="At"/> share.</summary>
    internal CredentialSource Credentials
    {
        get
        {
            lock (_gate)
                return field ??= new CredentialSource(this);
        }
        private init;
    }

    /// <summary>
    /// The same user at another path of the same server, with connections of its own: one that hangs holds no request to another.
    /// Credentials and what is known of them are shared, so a plugin runs once and a token is fetched once for all of them.
    /// </summary>
    /// <param name="path">Beginning with a slash; instead of the path of <see cref="Server"/>.</param>
    public KubernetesConnection At(string path) => new()
    {
        Server = new Uri(Server, path), Authorities = Authorities, AuthoritiesFile = AuthoritiesFile, SkipTlsVerify = SkipTlsVerify, TlsServerName = TlsServerName,
        ClientCertificate = ClientCertificate, ClientCertificateChain = ClientCertificateChain, ClientCertificateFile = ClientCertificateFile, ClientKeyFile = ClientKeyFile,
        Token = Token, TokenFile = TokenFile, Basic = Basic, Exec = Exec, Tokens = Tokens, Impersonate = Impersonate, Proxy = Proxy, DisableCompression = DisableCompression,
        Namespace = Namespace, Context = Context, KeepAliveDelay = KeepAliveDelay, KeepAliveTimeout = KeepAliveTimeout, Environment = Environment, Credentials = Credentials,
    };

    /// <summary>The one pool of this connection.</summary>
    internal ConnectionPool Pool
    {
        get
        {
            lock (_gate)
                return _pool ??= new ConnectionPool(this);
        }
    }

    /// <summary>Says where, never who: a token must not reach a log.</summary>
    public override string ToString() => Server.ToString();
}

/// <summary>A user name and password.</summary>
public sealed class BasicCredential(string username, string password)
{
    public string Username { get; } = username;

    public string Password { get; } = password;

    public override string ToString() => Username;
}

/// <summary>The user that requests are made for; the right to do so is the server's to give.</summary>
public sealed class Impersonation
{
    public required string User { get; init; }
    public string? Uid { get; init; }
    public IReadOnlyList<string> Groups { get; init; } = [];
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Extra { get; init; } = new Dictionary<string, IReadOnlyList<string>>();
}
