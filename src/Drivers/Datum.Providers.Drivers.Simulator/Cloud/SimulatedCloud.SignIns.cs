using System.Security.Cryptography;
using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Simulator;

// Sign-ins: where a credential is required, a request carries it or a session token that was handed out for it.
public sealed partial class SimulatedCloud
{
    private readonly HashSet<string> _signIns = new(StringComparer.Ordinal);
    private string? _credential;

    /// <summary>The credential that callers must know; null (the default) lets everybody in. Setting it ends all sign-ins.</summary>
    public string? Credential
    {
        get { lock (_gate) return _credential; }
        set
        {
            lock (_gate)
            {
                _credential = value;
                _signIns.Clear();
            }
        }
    }

    /// <summary>Session tokens that are accepted now.</summary>
    public int SignIns { get { lock (_gate) return _signIns.Count; } }

    /// <summary>Accepts no session token any more that was handed out; the credential stays.</summary>
    public void ExpireSignIns() { lock (_gate) _signIns.Clear(); }

    /// <summary>Refuses whoever doesn't show a credential or token, and answers <c>/v1/session</c> (POST signs in, DELETE out); null lets the request through.</summary>
    internal CloudResponse? Admit(HttpMethod method, string path, string? bearer)
    {
        lock (_gate)
        {
            if (_credential is null)
                return null;
            var signingIn = path == "/v1/session" && method == HttpMethod.Post;
            if (bearer is null || (bearer != _credential && (signingIn || !_signIns.Contains(bearer))))
                return CloudResponse.Error(401, "UNAUTHENTICATED", "The credential isn't accepted.");
            if (signingIn)
            {
                var token = "session-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
                _signIns.Add(token);
                return CloudResponse.Of(200, new CloudSession { Token = token }, SignInJson.Default.CloudSession);
            }

            if (path != "/v1/session" || method != HttpMethod.Delete)
                return null;
            _signIns.Remove(bearer);
            return new CloudResponse { Status = 204 };
        }
    }
}

/// <summary>Answer to a sign-in.</summary>
internal sealed record CloudSession
{
    public required string Token { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CloudSession))]
internal sealed partial class SignInJson : JsonSerializerContext;
