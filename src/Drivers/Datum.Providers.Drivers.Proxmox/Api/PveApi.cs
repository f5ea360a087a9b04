using System.Text.Json;

namespace Datum.Providers.Drivers.Proxmox.Api;

/// <summary>The requests of one session, below <c>/api2/json</c> of whichever node the endpoint leads to: any of them speaks for the cluster.</summary>
internal sealed class PveApi : IDisposable
{
    private readonly HttpMessageHandler _handler;
    private readonly RestClientOptions _options;
    private readonly Redactor _redactor;
    private readonly RestClient _client;
    private readonly Operations _operations;
    private readonly string? _user;

    /// <param name="user">The user of the credentials, which task names end with: handles, which are stored, don't hold it. Null for an API token.</param>
    public PveApi(HttpMessageHandler handler, TimeProvider time, Uri endpoint, IRequestAuthorizer authorizer, Redactor redactor, string? user = null)
    {
        _user = user;
        _handler = handler;
        _redactor = redactor;
        _options = OptionsFor(endpoint, time, redactor) with { Authorizer = authorizer };
        _client = new RestClient(handler, _options);
        _operations = new Operations(_client, PlatformTasks.Proxmox());
    }

    /// <summary>How this driver's requests are made; HTTP/1.1, since only there the reason phrase arrives, which holds the error.</summary>
    public static RestClientOptions OptionsFor(Uri endpoint, TimeProvider time, Redactor redactor) => new()
    {
        BaseAddress = new Uri(endpoint.AbsoluteUri.TrimEnd('/') + "/api2/json/"),
        Time = time,
        Errors = PveErrors.Table(redactor),
        UserAgent = "datum-providers-proxmox/" + ProxmoxDescriptor.Version,
        RequestIdHeader = null,
        HttpVersion = System.Net.HttpVersion.Version11,
        HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    /// <summary>A client for requests that carry contents: none of them gets into an error, however the platform repeats them.</summary>
    public RestClient Hiding(IEnumerable<string> contents) => new(_handler, _options with { Errors = PveErrors.Table(_redactor.With(contents)) });

    public ValueTask<RestResult> SendAsync(Call call, RestRequest request) => _client.SendAsync(call, request);

    /// <summary>The objects of a list. Lists have no pages.</summary>
    public async ValueTask<Answer<PveList>> ListAsync(Call call, string path)
    {
        var answer = await _client.SendAsync(call, RestRequest.Get(path) with { MaxResponseBytes = 64 * 1024 * 1024 });
        var (data, error) = Data(answer);
        if (error is not null)
            return error;
        if (data.ValueKind != JsonValueKind.Array)
            return Unreadable(answer, "a list is expected");
        var items = ImmutableArray.CreateBuilder<PveObject>();
        foreach (var item in data.EnumerateArray())
            if (item.ValueKind == JsonValueKind.Object)
                items.Add(new PveObject(item));
        return new PveList(items.ToImmutable());
    }

    /// <summary>One object.</summary>
    public async ValueTask<(PveObject Item, DriverError? Error, RestResult Answer)> GetAsync(Call call, string path)
    {
        var answer = await _client.SendAsync(call, RestRequest.Get(path));
        var (data, error) = Data(answer);
        if (error is null && data.ValueKind != JsonValueKind.Object)
            error = Unreadable(answer, "an object is expected");
        return (new PveObject(data), error, answer);
    }

    /// <summary>Sends a change and says how far it is: done, or a task.</summary>
    public async ValueTask<OperationLook> ChangeAsync(Call call, RestRequest request)
    {
        var answer = await _client.SendAsync(call, request);
        if (answer.Error is null && Data(answer).Error is { } strange)
            return new OperationLook { Status = OperationStatus.Failed, Error = strange with { Effect = Effect.Unknown }, Answer = answer };
        return Hidden(_operations.Begin(answer));
    }

    /// <summary>Sends what is answered with a text.</summary>
    public async ValueTask<(string? Text, DriverError? Error)> TextAsync(Call call, RestRequest request)
    {
        var answer = await _client.SendAsync(call, request);
        var (data, error) = Data(answer);
        return error is not null ? (null, error) : data.ValueKind == JsonValueKind.String ? (data.GetString(), null) : (null, Unreadable(answer, "a text is expected"));
    }

    /// <summary>
    /// Asks about a task. One that was cleared away or was never known counts as none, and so does one at a node that is down or gone: what it was at
    /// work on tells then (DC-28), which may be anywhere by now.
    /// </summary>
    public async ValueTask<OperationLook?> LookAsync(Call call, Handle? handle)
    {
        if (handle is null)
            return null;
        var look = Hidden(await _operations.LookAsync(call, Shown(handle)));
        return look.Error is not null && (look.Answer?.Status is 400 or 404 or 595 || look.Error.Message.Contains("hostname lookup", StringComparison.Ordinal)) ? null
            : look is { Status: OperationStatus.Unknown, Error: null } ? null : look;
    }

    /// <summary>The kind of a task by the platform's word (<c>qmclone</c>); null for none.</summary>
    public static string? TypeOf(OperationLook? look)
    {
        if (look?.Answer is not { Body.IsEmpty: false } answer)
            return null;
        try
        {
            return JsonText.Find(answer.Body, "data", "type");
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public void Dispose() => _client.Dispose();

    private const string UserMark = "{user}";
    private const string EscapedUserMark = "{user%}";

    private OperationLook Hidden(OperationLook look) => _user is null || look.Progress is not { Handle: { } handle } progress ? look : look with
    {
        Progress = progress with { Handle = handle with { Data = handle.Data.Replace(_user, UserMark, StringComparison.Ordinal).Replace(Uri.EscapeDataString(_user), EscapedUserMark, StringComparison.Ordinal) } },
    };

    private Handle Shown(Handle handle) => _user is null ? handle : handle with
    {
        Data = handle.Data.Replace(UserMark, _user, StringComparison.Ordinal).Replace(EscapedUserMark, Uri.EscapeDataString(_user), StringComparison.Ordinal),
    };

    /// <summary>What stands in <c>data</c>. An answer without it is somebody else's: a proxy's, or another server's.</summary>
    private static (JsonElement Data, DriverError? Error) Data(RestResult answer)
    {
        if (answer.Error is { } error)
            return (default, error);
        try
        {
            using var json = JsonDocument.Parse(answer.Body);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("data", out var data) ? (data.Clone(), null)
                : (default, Unreadable(answer, "it has no data"));
        }
        catch (JsonException)
        {
            return (default, Unreadable(answer, "it isn't JSON"));
        }
    }

    private static DriverError Unreadable(RestResult answer, string why) =>
        PveErrors.Refused(ErrorCode.Failed, $"The platform's answer ({answer.Status}, {answer.Body.Length} bytes) can't be read: {why}.");
}

/// <summary>The objects of a list.</summary>
internal sealed record PveList(ImmutableArray<PveObject> Items);
