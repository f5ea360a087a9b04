using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Vsphere.Vim;

/// <summary>vCenter's REST API in a session of its own, which is opened only where something needs it: content libraries, tags.</summary>
internal sealed class VimRest : IAsyncDisposable
{
    private readonly RestClient _signIn;
    private readonly RestClient _rest;
    private readonly SessionTokens _session;

    public VimRest(HttpMessageHandler handler, TimeProvider time, Uri endpoint, VimLogin login)
    {
        var options = new RestClientOptions
        {
            BaseAddress = endpoint,
            Time = time,
            UserAgent = "datum-providers-vsphere/" + VsphereDescriptor.Version,
            RequestIdHeader = null,
            Errors = new ErrorTable { Rows = Rows, Redactor = login.Redactor, Detail = Detail },
        };
        _signIn = new RestClient(handler, options);
        _session = new SessionTokens(_signIn, new SessionTokenOptions
        {
            SignIn = async call =>
            {
                var (user, password) = await login.ReadAsync(call.Cancellation);
                return RestRequest.Post("rest/com/vmware/cis/session").WithHeader("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));
            },
            Token = SessionTokens.FromText(time, null, "value"),
            Header = "vmware-api-session-id",
            SignOut = static _ => RestRequest.Delete("rest/com/vmware/cis/session"),
        });
        _rest = new RestClient(handler, options with { Authorizer = _session });
    }

    /// <summary>Every row; each has a test.</summary>
    public static ImmutableArray<ErrorRow> Rows { get; } =
    [
        new() { PlatformCodes = ["*unauthenticated"], Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["*unauthorized"], Code = ErrorCode.Forbidden, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["*not_found"], Code = ErrorCode.Invalid, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["*resource_inaccessible", "*resource_busy"], Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied },
        new() { PlatformCodes = ["*service_unavailable"], Code = ErrorCode.Unavailable },
        new() { PlatformCodes = ["*invalid_argument", "*invalid_element_configuration", "*invalid_element_type"], Code = ErrorCode.Invalid, Effect = Effect.NotApplied },
    ];

    public ValueTask<RestResult> SendAsync(Call call, RestRequest request) => _rest.SendAsync(call, request);

    public async ValueTask DisposeAsync()
    {
        await _session.DisposeAsync();
        _rest.Dispose();
        _signIn.Dispose();
    }

    // {"type":"com.vmware.vapi.std.errors.not_found","value":{"messages":[{"default_message":"..."}]}}
    private static ErrorDetail Detail(RestResult result)
    {
        try
        {
            var error = JsonSerializer.Deserialize(result.Body.Span, VimRestJson.Default.RestError);
            var message = error?.Value?.Messages is { IsDefaultOrEmpty: false } messages ? messages[0].DefaultMessage : null;
            return new ErrorDetail { Code = error?.Type, Message = message ?? result.ReasonPhrase };
        }
        catch (JsonException)
        {
            return new ErrorDetail { Message = result.ReasonPhrase };
        }
    }
}

internal sealed record RestError
{
    public string? Type { get; init; }
    public RestErrorValue? Value { get; init; }
}

internal sealed record RestErrorValue
{
    public ImmutableArray<RestMessage>? Messages { get; init; }
}

internal sealed record RestMessage
{
    public string? DefaultMessage { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(RestError))]
internal sealed partial class VimRestJson : JsonSerializerContext;
