using System.Security.Cryptography;
using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Simulator;

// Sign-ins: where a credential is required, a request carries it or a session token that was handed out for it.
public sealed partial class SimulatedCloud
{
    private readonly Dictionary<string, string> _signIns = new(StringComparer.Ordinal);
    private string? _credential;
    private string? _former;

    /// <summary>The credential that callers must know; null (the default) lets everybody in. Setting it ends all sign-ins.</summary>
    public string? Credential
    {
        get { lock (_gate) return _credential; }
        set
        {
            lock (_gate)
            {
                (_credential, _former) = (value, null);
                _signIns.Clear();
            }
        }
    }

    /// <summary>Requests that were refused for their credential or token.</summary>
    public int Refused { get; private set; }

    /// <summary>Accepts another credential from now on, and the one before with its sign-ins beside it until <see cref="EndRotation"/>.</summary>
    public void Rotate(string credential) { lock (_gate) (_credential, _former) = (credential, _credential); }

    /// <summary>The credential before the last <see cref="Rotate"/> and its sign-ins aren't accepted any more.</summary>
    public void EndRotation()
    {
        lock (_gate)
        {
            foreach (var token in _signIns.Where(s => s.Value == _former).Select(s => s.Key).ToList())
                _signIns.Remove(token);
            _former = null;
        }
    }

    /// <summary>Session tokens that are accepted now and were handed out for one credential.</summary>
    public int SignInsOf(string credential) { lock (_gate) return _signIns.Count(s => s.Value == credential); }

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
            var known = bearer is not null && (bearer == _credential || bearer == _former);
            if (bearer is null || (!known && (signingIn || !_signIns.ContainsKey(bearer))))
            {
                Refused++;
                return CloudResponse.Error(401, "UNAUTHENTICATED", "The credential isn't accepted.");
            }
            if (signingIn)
            {
                var token = "session-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
                _signIns[token] = bearer;
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
