namespace Datum.Providers.Sdk;

/// <summary>Redirects: mostly an error, since a driver talks to one endpoint only.</summary>
internal static class RestRedirect
{
    /// <summary>Where an answer points to; null when it is no redirect or names no address.</summary>
    public static Uri? Target(RestResult answer, Uri from) =>
        answer.Status is 300 or 301 or 302 or 303 or 307 or 308 && answer.Header("location") is { Length: > 0 } location
        && Uri.TryCreate(from, location, out var target) && target.Scheme is "http" or "https"
            ? target
            : null;

    public static bool MayFollow(HttpMethod method, bool mutation) => !mutation && (method == HttpMethod.Get || method == HttpMethod.Head);

    /// <summary>Names the server and nothing more: path and query may hold a secret.</summary>
    public static DriverError Refused(RestResult answer, Uri target, Redactor redactor) => answer.Error! with
    {
        Message = redactor.Redact($"The platform answered {answer.Status} and points to {target.Scheme}://{target.Authority}. It isn't followed; set the endpoint that answers itself."),
    };
}
