using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Vsphere.Vim;

/// <summary>
/// Templates in content libraries, over REST: an item of the type "VM template" is a machine of the inventory, which is cloned like any other.
/// The REST session is opened only where an image names a library.
/// </summary>
internal sealed class ContentLibrary : IAsyncDisposable
{
    /// <summary>How an image is written: <c>library:LIBRARY/ITEM</c>.</summary>
    public const string Prefix = "library:";

    private readonly RestClient _signIn;
    private readonly RestClient _rest;
    private readonly SessionTokens _session;

    public ContentLibrary(HttpMessageHandler handler, TimeProvider time, Uri endpoint, VimLogin login)
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

    /// <summary>The machine behind an item.</summary>
    public async ValueTask<(MoRef? Template, DriverError? Error)> FindAsync(Call call, string image)
    {
        var path = image[Prefix.Length..];
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        if (slash <= 0 || slash == path.Length - 1)
            return (null, Missing($"'{image}' isn't written library:LIBRARY/ITEM."));
        var (library, item) = (path[..slash], path[(slash + 1)..]);
        var (libraries, error) = await IdsAsync(call, "rest/com/vmware/content/library?~action=find", new FindRequest { Spec = new FindSpec { Name = library } });
        if (error is not null)
            return (null, error);
        if (libraries.Length != 1)
            return (null, Missing($"The platform has {libraries.Length} content libraries named {library}, and one is needed."));
        (var items, error) = await IdsAsync(call, "rest/com/vmware/content/library/item?~action=find", new FindRequest { Spec = new FindSpec { Name = item, LibraryId = libraries[0] } });
        if (error is not null)
            return (null, error);
        if (items.Length != 1)
            return (null, Missing($"The library {library} has {items.Length} items named {item}, and one is needed."));
        var answer = await _rest.SendAsync(call, RestRequest.Get($"rest/vcenter/vm-template/library-items/{Uri.EscapeDataString(items[0])}"));
        if (answer.NotFound)
            return (null, Missing($"The library's item {item} is no VM template: import it as one (OVF items can't be cloned)."));
        if (answer.Error is { } refused)
            return (null, refused);
        return JsonText.Find(answer.Body, "value", "vm_template") is { } id && MoRef.IsValue(id) ? (new MoRef("VirtualMachine", id), null)
            : (null, VimErrors.Refused(ErrorCode.Failed, $"The platform's answer about {item} names no template."));
    }

    public async ValueTask DisposeAsync()
    {
        await _session.DisposeAsync();
        _rest.Dispose();
        _signIn.Dispose();
    }

    private static DriverError Missing(string message) => VimErrors.Refused(ErrorCode.Invalid, message) with { Field = "images" };

    private async ValueTask<(ImmutableArray<string> Ids, DriverError? Error)> IdsAsync(Call call, string path, FindRequest request)
    {
        var body = RestRequest.Post(path, request, LibraryJson.Default.FindRequest) with { Mutates = false };
        var read = (await _rest.SendAsync(call, body)).Read(LibraryJson.Default.FindResponse);
        return read.Value is { } found ? (found.Value ?? [], null) : ([], read.Error);
    }

    // {"type":"com.vmware.vapi.std.errors.not_found","value":{"messages":[{"default_message":"..."}]}}
    private static ErrorDetail Detail(RestResult result)
    {
        try
        {
            var error = JsonSerializer.Deserialize(result.Body.Span, LibraryJson.Default.RestError);
            var message = error?.Value?.Messages is { IsDefaultOrEmpty: false } messages ? messages[0].DefaultMessage : null;
            return new ErrorDetail { Code = error?.Type, Message = message ?? result.ReasonPhrase };
        }
        catch (JsonException)
        {
            return new ErrorDetail { Message = result.ReasonPhrase };
        }
    }
}

internal sealed record FindRequest
{
    public FindSpec? Spec { get; init; }
}

internal sealed record FindSpec
{
    public string? Name { get; init; }
    public string? LibraryId { get; init; }
}

internal sealed record FindResponse
{
    public ImmutableArray<string>? Value { get; init; }
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

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(FindRequest))]
[JsonSerializable(typeof(FindResponse))]
[JsonSerializable(typeof(RestError))]
internal sealed partial class LibraryJson : JsonSerializerContext;
