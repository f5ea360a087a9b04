using System.Security.Authentication;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>Errors of requests that got no whole answer: what is known of their effect follows from where the call broke.</summary>
internal static class RestFailures
{
    public static DriverError Broken(Exception e, bool timeout, bool mutation, Redactor redactor)
    {
        if (e is HttpRequestException http)
        {
            if (http.HttpRequestError == HttpRequestError.SecureConnectionError || http.InnerException is AuthenticationException)
                return NotSent(ErrorCode.Failed, $"No secure connection to the platform: {Deepest(http)}. Check its certificate and the CA bundle.", redactor);
            if (NeverSent(http))
                return NotSent(ErrorCode.Unavailable, $"The platform can't be reached: {http.Message}", redactor);
            if (RefusedStream(http))
                return NotSent(ErrorCode.Unavailable, $"The platform refused the request before it looked at it: {Deepest(http)}", redactor);
        }

        // A cancellation that isn't the call's own is the handler's time limit.
        if (e is OperationCanceledException || timeout)
            return TimedOut(mutation, sent: true);
        return new DriverError
        {
            Code = e is JsonException or InvalidDataException ? ErrorCode.Failed : ErrorCode.Unavailable,
            Effect = mutation ? Effect.Unknown : Effect.NotApplied,
            Message = redactor.Redact($"The connection broke before the whole answer was there: {e.Message}"),
            Scope = ErrorScope.Resource,
        };
    }

    public static DriverError NotSent(ErrorCode code, string message, Redactor redactor) => new()
    {
        Code = code,
        Effect = Effect.NotApplied,
        Message = redactor.Redact(message),
        Scope = ErrorScope.Account,
    };

    public static DriverError TimedOut(bool mutation, bool sent) => new()
    {
        Code = ErrorCode.Timeout,
        Effect = mutation && sent ? Effect.Unknown : Effect.NotApplied,
        Message = sent ? "The platform didn't answer within the call's deadline." : "The call's deadline passed before the request was sent.",
        Scope = ErrorScope.Resource,
    };

    public static DriverError AnswerTooLarge(HttpMethod method, int max, bool mutation) => new()
    {
        Code = ErrorCode.Failed,
        Effect = mutation ? Effect.Unknown : Effect.NotApplied,
        Message = $"The answer to {method} is longer than {max} bytes.",
        Scope = ErrorScope.Resource,
    };

    public static DriverError RequestTooLarge(HttpMethod method, int length, int max) => new()
    {
        Code = ErrorCode.Invalid,
        Effect = Effect.NotApplied,
        Message = $"The body of {method} is {length} bytes and at most {max} are sent. Ask for less.",
        Scope = ErrorScope.Resource,
    };

    // The handler reports these only while it connects, so nothing of the request has left.
    private static bool NeverSent(HttpRequestException e) =>
        e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.ProxyTunnelError;

    // REFUSED_STREAM (RFC 9113, 8.7): no processing has taken place.
    private static bool RefusedStream(HttpRequestException e)
    {
        for (Exception? inner = e; inner is not null; inner = inner.InnerException)
            if (inner is HttpProtocolException { ErrorCode: 7 })
                return true;
        return false;
    }

    private static string Deepest(Exception e)
    {
        while (e.InnerException is { } inner)
            e = inner;
        return e.Message.TrimEnd('.');
    }
}
