using System.Xml;

namespace Datum.Providers.Drivers.Vsphere.Vim;

/// <summary>What one method led to.</summary>
internal sealed record VimAnswer
{
    /// <summary>The method's results: none, one, or an array's elements.</summary>
    public ImmutableArray<VimNode> Results { get; init; } = [];

    public DriverError? Error { get; init; }

    public VimNode? Result => Results.Length > 0 ? Results[0] : null;

    /// <summary>Whether the platform said that what was asked for isn't there.</summary>
    public bool NotFound => Error?.PlatformCode is "ManagedObjectNotFound" or "NotFound" or "FileNotFound";
}

/// <summary>
/// Calls methods over SOAP, in one session that is logged in when it is first needed, kept, renewed once within a call when the platform has
/// forgotten it (DC-6), and logged out at the end: vCenter keeps idle sessions for half an hour and has room for a few hundred.
/// </summary>
internal sealed class VimClient : IAsyncDisposable
{
    private const string Cookie = "vmware_soap_session";
    private static readonly MoRef ServiceInstance = new("ServiceInstance", "ServiceInstance");
    private static readonly TimeSpan LogoutTimeout = TimeSpan.FromSeconds(5);

    private readonly RestClient _rest;
    private readonly TokenCache _session;
    private readonly VimLogin _login;
    private readonly string _version;
    private volatile VimContent? _content;

    public VimClient(HttpMessageHandler handler, TimeProvider time, Uri endpoint, string version, VimLogin login)
    {
        _login = login;
        _version = version;
        _rest = new RestClient(handler, new RestClientOptions
        {
            BaseAddress = endpoint,
            Time = time,
            Errors = VimErrors.Table(login.Redactor),
            UserAgent = "datum-providers-vsphere/" + VsphereDescriptor.Version,
            RequestIdHeader = null,
            // A page of machines with all their devices.
            MaxResponseBytes = 64 * 1024 * 1024,
        });
        _session = new TokenCache(time, LoginAsync);
    }

    /// <summary>The singletons; they are the same for the endpoint's whole life.</summary>
    public async ValueTask<(VimContent? Content, DriverError? Error)> ContentAsync(Call call, bool fresh = false)
    {
        if (!fresh && _content is { } known)
            return (known, null);
        var answer = await SendAsync(call, "RetrieveServiceContent", ServiceInstance, null, mutates: false, null);
        if (answer.Error is { } error)
            return (null, error);
        var content = answer.Result is { } result ? VimContent.Read(result) : null;
        if (content is null)
            return (null, VimErrors.Refused(ErrorCode.Failed, "The endpoint's answer names no service content; it isn't a vCenter.") with { Scope = ErrorScope.Account });
        _content = content;
        return (content, null);
    }

    /// <summary>Calls a method of an object within the session.</summary>
    public async ValueTask<VimAnswer> CallAsync(Call call, string method, MoRef target, Action<VimWriter>? members = null, bool mutates = true, Func<VimAnswer, bool>? refused = null)
    {
        for (var attempt = 0; ; attempt++)
        {
            var (token, generation, error) = await SessionAsync(call);
            if (error is not null)
                return new VimAnswer { Error = error };
            var answer = await SendAsync(call, method, target, members, mutates, token);
            if (answer.Error?.PlatformCode != "NotAuthenticated" && refused?.Invoke(answer) != true)
                return answer;
            // The session is gone; whatever was asked wasn't looked at. Once more with a new one, then it is the answer.
            _session.Refuse(generation);
            if (attempt > 0)
                return answer with { Error = Refused(answer.Error) };
        }
    }

    /// <summary>Sends a plain request below the endpoint with the session's cookie: files of datastores.</summary>
    public async ValueTask<RestResult> HttpAsync(Call call, RestRequest request)
    {
        for (var attempt = 0; ; attempt++)
        {
            var (token, generation, error) = await SessionAsync(call);
            if (error is not null)
                return new RestResult { Status = 0, Error = error };
            var answer = await _rest.SendAsync(call, request.WithHeader("Cookie", $"{Cookie}={token!.Value}"));
            if (answer.Status != 401)
                return answer;
            _session.Refuse(generation);
            if (attempt > 0)
                return new RestResult { Status = answer.Status, Error = Refused(answer.Error) };
        }
    }

    private static DriverError Refused(DriverError? error) =>
        (error ?? VimErrors.Refused(ErrorCode.Unauthenticated, "The session isn't accepted.")) with { Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied, Scope = ErrorScope.Account };

    private async ValueTask<(AccessToken? Token, long Generation, DriverError? Error)> SessionAsync(Call call)
    {
        try
        {
            var (token, generation) = await _session.GetAsync(call);
            return (token, generation, null);
        }
        catch (DriverException e)
        {
            return (null, 0, e.Error with { Effect = Effect.NotApplied });
        }
        catch (OperationCanceledException) when (_rest.Time.GetUtcNow() >= call.Deadline)
        {
            return (null, 0, VimErrors.Refused(ErrorCode.Timeout, "The call's deadline passed while the session was being opened."));
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_session.Take() is { } token && _content is { } content)
        {
            var call = new Call { Cancellation = CancellationToken.None, Deadline = _rest.Time.GetUtcNow() + LogoutTimeout, Id = "logout" };
            // A failure is nobody's concern any more: the session ends by itself.
            await SendAsync(call, "Logout", content.SessionManager, null, mutates: false, token);
        }

        _session.Dispose();
        _rest.Dispose();
    }

    private async ValueTask<AccessToken> LoginAsync(Call call)
    {
        var (content, error) = await ContentAsync(call);
        if (error is not null)
            throw new DriverException(error);
        var (user, password) = await _login.ReadAsync(call.Cancellation);
        var request = ToRequest("Login", content!.SessionManager, w => w.Text("userName", user).Text("password", password), mutates: false);
        var answer = await _rest.SendAsync(call, request);
        if (answer.Error is { } refused)
            throw new DriverException(refused with { Scope = ErrorScope.Account });
        foreach (var cookie in (answer.Header("Set-Cookie") ?? "").Split([',', ';'], StringSplitOptions.TrimEntries))
            if (cookie.StartsWith(Cookie + "=", StringComparison.Ordinal))
                return new AccessToken(cookie[(Cookie.Length + 1)..]);
        throw new DriverException(VimErrors.Refused(ErrorCode.Failed, $"The login answered {answer.Status} without a session.") with { Scope = ErrorScope.Account });
    }

    private RestRequest ToRequest(string method, MoRef target, Action<VimWriter>? members, bool mutates) => new()
    {
        Method = HttpMethod.Post,
        Path = "sdk",
        Body = VimWriter.Request(method, target, members),
        ContentType = "text/xml; charset=utf-8",
        Mutates = mutates,
        Headers = [new("SOAPAction", $"urn:vim25/{_version}")],
    };

    private async ValueTask<VimAnswer> SendAsync(Call call, string method, MoRef target, Action<VimWriter>? members, bool mutates, AccessToken? token)
    {
        RestRequest request;
        try
        {
            request = ToRequest(method, target, members, mutates);
        }
        catch (ArgumentException)
        {
            return new VimAnswer { Error = VimErrors.Refused(ErrorCode.Invalid, $"A value for {method} holds a character that XML can't: remove control characters.") };
        }

        if (token is not null)
            request = request.WithHeader("Cookie", $"{Cookie}={token.Value}");
        var answer = await _rest.SendAsync(call, request);
        if (answer.Error is { } error)
            return new VimAnswer { Error = error };
        try
        {
            var envelope = VimNode.Parse(answer.Body);
            if (envelope.Find("Body", method + "Response") is { } response)
                return new VimAnswer { Results = [.. response.All("returnval")] };
            return new VimAnswer { Error = Unreadable(method, answer, mutates, "it isn't this method's") };
        }
        catch (XmlException)
        {
            return new VimAnswer { Error = Unreadable(method, answer, mutates, "it isn't SOAP") };
        }
    }

    private static DriverError Unreadable(string method, RestResult answer, bool mutates, string why) =>
        VimErrors.Refused(ErrorCode.Failed, $"The platform's answer to {method} ({answer.Status}, {answer.Body.Length} bytes) can't be read: {why}.", mutates ? Effect.Unknown : Effect.NotApplied);
}

/// <summary>Who logs in. The password is read anew for each login, as it may have been renewed.</summary>
internal sealed class VimLogin(IDriverHost host, string user, Redactor redactor)
{
    public Redactor Redactor => redactor;

    public async ValueTask<(string User, string Password)> ReadAsync(CancellationToken cancellation)
    {
        var password = await host.ReadCredentialAsync(VsphereDescriptor.PasswordCredential, cancellation);
        return (user, System.Text.Encoding.UTF8.GetString(password.Span).TrimEnd('\r', '\n'));
    }
}

/// <summary>The service content: where the singletons are, and whose they are.</summary>
internal sealed record VimContent
{
    public required MoRef RootFolder { get; init; }
    public required MoRef PropertyCollector { get; init; }
    public required MoRef SessionManager { get; init; }
    public required MoRef SearchIndex { get; init; }
    public MoRef? TaskManager { get; init; }
    public MoRef? Disks { get; init; }
    public MoRef? Files { get; init; }
    public required string? InstanceUuid { get; init; }
    public required string? Name { get; init; }
    public required string? Version { get; init; }

    public static VimContent? Read(VimNode node) =>
        node.Ref("rootFolder") is { } root && node.Ref("propertyCollector") is { } collector && node.Ref("sessionManager") is { } sessions
        && node.Ref("searchIndex") is { } search && node.Find("about") is { } about
            ? new VimContent
            {
                RootFolder = root, PropertyCollector = collector, SessionManager = sessions, SearchIndex = search,
                TaskManager = node.Ref("taskManager"), Disks = node.Ref("vStorageObjectManager"), Files = node.Ref("fileManager"),
                InstanceUuid = about.String("instanceUuid"), Name = about.String("fullName"), Version = about.String("apiVersion"),
            }
            : null;
}
