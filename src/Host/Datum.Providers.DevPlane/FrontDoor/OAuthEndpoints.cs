using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Datum.Providers.DevPlane;

/// <summary>A refusal in OAuth 2's form (RFC 6749 section 5.2). The description never quotes what was sent.</summary>
internal sealed class OAuthError(int code, string error, string description) : Exception(description)
{
    public int Code { get; } = code;
    public string Error { get; } = error;

    public static OAuthError InvalidGrant(string why) => new(400, "invalid_grant", why);

    public static OAuthError InvalidRequest(string why) => new(400, "invalid_request", why);
}

/// <summary>The two addresses that give bearer tokens: for a personal access token and for a service account's assertion.</summary>
internal sealed class OAuthEndpoints(FrontDoorOptions options, TokenBook book, Assertions assertions)
{
    private const string GrantType = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    private const string Form = "application/x-www-form-urlencoded";
    private const int MaxBody = 16 << 10;

    /// <summary>False where the path is neither.</summary>
    public async Task<bool> TryAsync(HttpContext context, string path)
    {
        Func<HttpContext, Task<Grant>> endpoint;
        if (path == options.ExchangePath) endpoint = c => Task.FromResult(Exchange(c));
        else if (path == options.TokenPath) endpoint = TokenAsync;
        else return false;
        var (code, answer) = await AnswerAsync(context, endpoint);
        context.Response.Headers.Pragma = "no-cache";
        await ApiServer.WriteAsync(context, code, JsonText.Write(answer), "no-store");
        return true;
    }

    private async Task<(int Code, JsonObject Body)> AnswerAsync(HttpContext context, Func<HttpContext, Task<Grant>> endpoint)
    {
        try
        {
            var (token, life) = book.Issue(await endpoint(context)) ?? throw new OAuthError(503, "temporarily_unavailable", "too many tokens are out");
            return (200, new JsonObject { ["access_token"] = token, ["token_type"] = "Bearer", ["expires_in"] = (long)life.TotalSeconds });
        }
        catch (OAuthError e)
        {
            if (e.Code == 401) context.Response.Headers.WWWAuthenticate = $"Bearer error=\"{e.Error}\"";
            return (e.Code, new JsonObject { ["error"] = e.Error, ["error_description"] = e.Message });
        }
    }

    private Grant Exchange(HttpContext context)
    {
        var request = context.Request;
        if (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsPost(request.Method)) throw NotAllowed(context, "GET, POST");
        return TokenBook.Bearer(context) is { } token && book.FindPersonal(token) is { } grant
            ? grant
            : throw new OAuthError(401, "invalid_token", "the request must carry a valid personal access token as its bearer token");
    }

    private async Task<Grant> TokenAsync(HttpContext context)
    {
        if (!HttpMethods.IsPost(context.Request.Method)) throw NotAllowed(context, "POST");
        if (Negotiation.MediaType(context.Request.ContentType) != Form) throw OAuthError.InvalidRequest($"the body must be {Form}");
        var form = await ReadAsync(context);
        // A parameter must not stand twice; unknown ones are passed over, and scope too: rights come from the token file alone.
        if (form.Any(p => p.Value.Count != 1)) throw OAuthError.InvalidRequest("a parameter stands twice");
        if (!form.TryGetValue("grant_type", out var type)) throw OAuthError.InvalidRequest("grant_type is missing");
        if (type != GrantType) throw new OAuthError(400, "unsupported_grant_type", $"the grant type must be {GrantType}");
        if (!form.TryGetValue("assertion", out var assertion) || assertion.ToString().Length == 0) throw OAuthError.InvalidRequest("assertion is missing");
        var account = assertions.Check(assertion.ToString());
        if (form.TryGetValue("client_id", out var client) && client != account.ClientId) throw OAuthError.InvalidGrant("client_id isn't the assertion's issuer");
        return account.Grant;
    }

    private static async Task<Dictionary<string, Microsoft.Extensions.Primitives.StringValues>> ReadAsync(HttpContext context)
    {
        if (context.Request.ContentLength > MaxBody) throw OAuthError.InvalidRequest("the body is too large");
        try
        {
            var reader = new FormPipeReader(context.Request.BodyReader) { KeyLengthLimit = 256, ValueLengthLimit = MaxBody, ValueCountLimit = 16 };
            return await reader.ReadFormAsync(context.RequestAborted);
        }
        catch (InvalidDataException)
        {
            throw OAuthError.InvalidRequest("the body can't be read as a form");
        }
    }

    private static OAuthError NotAllowed(HttpContext context, string methods)
    {
        context.Response.Headers.Allow = methods;
        return new OAuthError(405, "invalid_request", "the method must be one of " + methods);
    }
}
