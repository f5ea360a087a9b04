using System.Text.Json;

namespace Company_Cloud;

/// <summary>The platform's API with one account's token. Requests go through the host's handler and are sent once (DC-8, DC-89).</summary>
internal sealed class CloudClient : IDisposable
{
    private readonly RestClient _rest;

    public CloudClient(IDriverHost host, Uri endpoint, string token)
    {
        var errors = CloudErrors.Table(token);
        _rest = new RestClient(host.HttpHandler, new RestClientOptions
        {
            BaseAddress = endpoint,
            Time = host.Time,
            Headers = [new("Authorization", $"Bearer {token}")],
            Errors = errors,
        });
        Networks = new Collection<CloudNetwork>(_rest, errors, "v1/networks", CloudJson.Default.CloudNetwork, CloudJson.Default.CloudPageCloudNetwork);
        Servers = new Collection<CloudServer>(_rest, errors, "v1/servers", CloudJson.Default.CloudServer, CloudJson.Default.CloudPageCloudServer);
    }

    public Collection<CloudNetwork> Networks { get; }

    public Collection<CloudServer> Servers { get; }

    public async ValueTask<Answer<CloudAccount>> AccountAsync(Call call) =>
        (await _rest.SendAsync(call, RestRequest.Get("v1/account"))).Read(CloudJson.Default.CloudAccount);

    public void Dispose() => _rest.Dispose();
}

/// <summary>The platform's errors (DC-48): a row for each that means something else than its status does. What no row matches gets the status's default.</summary>
internal static class CloudErrors
{
    public static ErrorTable Table(params string[] secrets) => new()
    {
        Detail = Read,
        Redactor = new Redactor(secrets),
        Rows =
        [
            new() { PlatformCode = "quota_exceeded", Code = ErrorCode.QuotaExceeded, Effect = Effect.NotApplied, Scope = ErrorScope.Account },
            new() { PlatformCode = "no_capacity", Code = ErrorCode.CapacityUnavailable, Effect = Effect.NotApplied, Scope = ErrorScope.Zone },
            // DC-46: a network that was made a moment ago may not be known everywhere yet.
            new() { PlatformCode = "no_such_network", Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied },
            // DC-59: the host begins the listing again.
            new() { PlatformCode = "bad_cursor", Code = ErrorCode.PreconditionFailed, Effect = Effect.NotApplied },
        ],
    };

    // The platform names what holds an object; the SDK's reader doesn't look for that (DC-68).
    private static ErrorDetail Read(RestResult result)
    {
        var detail = ErrorDetail.Read(result);
        try
        {
            return detail with { BlockedBy = JsonSerializer.Deserialize(result.Body.Span, CloudJson.Default.CloudFault)?.Error?.BlockedBy ?? [] };
        }
        catch (JsonException)
        {
            // A proxy's page, not the platform's answer: it names nothing.
            return detail;
        }
    }
}
