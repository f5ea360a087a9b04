using System.Net;
using System.Text;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Tests.World;

/// <summary>Credentials: Secrets of the host's namespace, and a door at the platform that knows several at a time.</summary>
internal sealed partial class EngineWorld
{
    public const string HostNamespace = "datum-providers";
    public const string CredentialsSecret = "cloud-credentials";

    /// <summary>What stands before the platform; null lets everybody in.</summary>
    public CredentialDoor? Door { get; set; }

    /// <summary>What the file system says of a path's version.</summary>
    public Func<string, string>? CredentialFiles { get; set; }

    /// <summary>The value that files hold.</summary>
    public string FileValue { get; set; } = "";

    /// <summary>Makes or changes the Secret that the ProviderConfig names.</summary>
    public void WriteSecret(string value, string name = CredentialsSecret, string ns = HostNamespace)
    {
        if (Plane.Peek(Core.Secrets, ns, name) is not null)
        {
            Plane.Edit(Core.Secrets, ns, name, s => s.Data = new() { ["token"] = Encoding.UTF8.GetBytes(value) });
            return;
        }
        var secret = new Secret { Data = new() { ["token"] = Encoding.UTF8.GetBytes(value) } };
        secret.Metadata.Name = name;
        secret.Metadata.Namespace = ns;
        Create(Core.Secrets, secret);
    }

    /// <summary>The config takes its credentials from the Secret.</summary>
    public static void FromSecret(ProviderConfigSpec spec) =>
        spec.Credentials = new ProviderCredentials { Source = CredentialsSource.Secret, SecretRef = new LocalSecretReference { Name = CredentialsSecret } };

    public ProviderConfig Config => Plane.Peek(ResourceTypes.ProviderConfigs, null, "sim")!;

    public Condition? OfConfig(string type) => Conditions.Find(Config.Status?.Conditions, type);

    public Condition? OfLocation(string type, string ns = Namespace) => Conditions.Find(Plane.Peek(ResourceTypes.Locations, ns, "here")!.Status?.Conditions, type);

    private IReadOnlyDictionary<string, ReadOnlyMemory<byte>> ReadCredentials(ProviderConfig config)
    {
        switch (config.Spec.Credentials)
        {
            case { Source: CredentialsSource.Secret, SecretRef.Name: var name }:
                var secret = Plane.Peek(Core.Secrets, HostNamespace, name) ?? throw new Sessions.CredentialsException($"Secret {HostNamespace}/{name} doesn't exist.");
                return secret.Data!.ToDictionary(p => p.Key, p => (ReadOnlyMemory<byte>)p.Value);
            case { Source: CredentialsSource.File }:
                return new Dictionary<string, ReadOnlyMemory<byte>> { ["token"] = Encoding.UTF8.GetBytes(FileValue) };
            default:
                return ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty;
        }
    }
}

/// <summary>Asks every request for a credential, or for a sign-in that was made with one. Counts who is turned away.</summary>
internal sealed class CredentialDoor
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, string> _signIns = new(StringComparer.Ordinal);
    private readonly HashSet<string> _accepted = new(StringComparer.Ordinal);
    private readonly List<string> _signedOut = [];
    private readonly Dictionary<string, string> _accounts = new(StringComparer.Ordinal);

    /// <summary>Requests that were refused.</summary>
    public int Refused { get; private set; }

    /// <summary>The credentials of sessions that signed out, in order.</summary>
    public IReadOnlyList<string> SignedOut { get { lock (_lock) return [.. _signedOut]; } }

    /// <summary>Requests by the credential behind them.</summary>
    public Dictionary<string, int> Served { get; } = new(StringComparer.Ordinal);

    public CredentialDoor Accept(string credential, string? account = null)
    {
        lock (_lock)
        {
            _accepted.Add(credential);
            if (account is not null)
                _accounts[credential] = account;
        }
        return this;
    }

    /// <summary>Ends a credential and every sign-in that was made with it.</summary>
    public void Revoke(string credential)
    {
        lock (_lock)
            _accepted.Remove(credential);
    }

    public HttpMessageHandler Before(HttpMessageHandler wire) => new Handler(this, wire);

    private sealed class Handler(CredentialDoor door, HttpMessageHandler wire) : DelegatingHandler(wire)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var bearer = request.Headers.Authorization?.Parameter ?? "";
            string? account = null;
            lock (door._lock)
            {
                if (request.RequestUri!.AbsolutePath == "/v1/session")
                    return request.Method == HttpMethod.Post ? door.SignIn(bearer) : door.SignOut(bearer);
                if (!door._signIns.TryGetValue(bearer, out var credential) || !door._accepted.Contains(credential))
                    return door.TurnAway();
                door.Served[credential] = door.Served.GetValueOrDefault(credential) + 1;
                if (request.RequestUri.AbsolutePath == "/v1/account")
                    door._accounts.TryGetValue(credential, out account);
            }
            return account is null
                ? await base.SendAsync(request, cancellationToken)
                : new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent($$"""{"accountId":"{{account}}","version":"1"}""", Encoding.UTF8, "application/json") };
        }
    }

    private HttpResponseMessage SignIn(string credential)
    {
        if (!_accepted.Contains(credential))
            return TurnAway();
        var token = $"session-{_signIns.Count}";
        _signIns[token] = credential;
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent($$"""{"token":"{{token}}"}""", Encoding.UTF8, "application/json") };
    }

    private HttpResponseMessage SignOut(string token)
    {
        if (_signIns.TryGetValue(token, out var credential))
            _signedOut.Add(credential);
        return new HttpResponseMessage(HttpStatusCode.NoContent);
    }

    private HttpResponseMessage TurnAway()
    {
        Refused++;
        return new HttpResponseMessage(HttpStatusCode.Unauthorized) { Content = new StringContent("""{"code":"UNAUTHENTICATED","message":"The credential isn't accepted."}""", Encoding.UTF8, "application/json") };
    }
}
