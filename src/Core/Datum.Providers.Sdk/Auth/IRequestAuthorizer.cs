using System.Security.Cryptography;

namespace Datum.Providers.Sdk;

/// <summary>
/// Adds credentials to requests. The client asks before each request; when the platform refuses what was added, it asks once for a renewal
/// and sends only that request again (DC-6). Safe for calls at the same time.
/// </summary>
public interface IRequestAuthorizer
{
    /// <summary>
    /// Adds credentials and returns a number that names them, for <see cref="RenewAsync"/>. Throws <see cref="DriverException"/> when there are
    /// none to be had; the request then isn't sent.
    /// </summary>
    ValueTask<long> AuthorizeAsync(OutgoingRequest request);

    /// <summary>Whether an answer other than 2xx means that the credentials were refused. Default: status 401.</summary>
    bool IsRefusal(RestResult answer) => answer.Status == 401;

    /// <summary>
    /// Makes new credentials after a refusal of those named <paramref name="used"/>, unless that has happened meanwhile. False when nothing else
    /// can be tried: the refusal is then the result. Throws <see cref="DriverException"/> when signing in again failed. Default: false.
    /// </summary>
    ValueTask<bool> RenewAsync(long used, RestResult refusal, Call call) => ValueTask.FromResult(false);
}

/// <summary>A request as it is about to leave.</summary>
public sealed class OutgoingRequest
{
    private byte[]? _hash;
    private List<string>? _secrets;

    /// <summary>Wraps a message whose body is <paramref name="body"/>.</summary>
    public OutgoingRequest(HttpRequestMessage message, ReadOnlyMemory<byte> body, Call call)
    {
        Message = message;
        Body = body;
        Call = call;
    }

    /// <summary>Method, address and headers; an authorizer adds to them.</summary>
    public HttpRequestMessage Message { get; }

    /// <summary>The whole body; empty for none.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>The call that it belongs to; its cancellation covers signing in too.</summary>
    public Call Call { get; }

    /// <summary>SHA-256 of <see cref="Body"/>, computed when it is first asked for.</summary>
    public ReadOnlySpan<byte> BodySha256 => _hash ??= SHA256.HashData(Body.Span);

    /// <summary>Sets a header, in place of one of that name.</summary>
    public void SetHeader(string name, string value)
    {
        Message.Headers.Remove(name);
        Message.Headers.TryAddWithoutValidation(name, value);
    }

    /// <summary>Hides a value from every error of this request.</summary>
    public void AddSecret(string secret) => (_secrets ??= []).Add(secret);

    internal IReadOnlyList<string> Secrets => _secrets ?? [];
}
