namespace Datum.Providers.Sdk;

/// <summary>
/// How a platform lets its work be followed: what a handle holds, which request asks, and how the answer reads. Ready ones:
/// <see cref="OperationResources"/>, <see cref="AsyncUrls"/>, <see cref="PlatformTasks"/>, <see cref="ResourceStates"/>.
/// </summary>
public abstract class OperationStyle
{
    /// <summary>Names the style in handles: 1 to 16 of <c>[a-z0-9]</c>. Changing it makes older handles count as none.</summary>
    public abstract string Name { get; }

    /// <summary>How long the platform remembers the work; null when it doesn't say.</summary>
    public TimeSpan? Life { get; init; }

    /// <summary>Finds in the answer to a mutation what names the work (a path, an id); null when there is none because the platform is done already.</summary>
    /// <remarks>An empty text means that there is work which can't be followed: it is at another server.</remarks>
    public abstract string? Find(RestResult answer, Uri endpoint);

    /// <summary>The request that asks about it; null when the data isn't of this style. It must be a read.</summary>
    public abstract RestRequest? Ask(string data);

    /// <summary>Reads an answer: of <see cref="Ask"/>, or the mutation's own, which some platforms fill in the same way (<paramref name="first"/>).</summary>
    public abstract OperationReading Read(RestResult answer, string data, bool first);

    /// <summary>Whether a refusal of <see cref="Ask"/> is how the work itself ended, and not a failure to look. Default: never.</summary>
    public virtual bool IsOutcome(RestResult refusal) => false;

    /// <summary>
    /// An address of the platform as path and query, without scheme and host; null for another server and for anything that isn't http.
    /// </summary>
    public static string? HostRelative(string? address, Uri endpoint)
    {
        if (string.IsNullOrEmpty(address) || !Uri.TryCreate(endpoint, address, out var target) || target.Scheme is not ("http" or "https")
            || !string.Equals(target.Host, endpoint.Host, StringComparison.OrdinalIgnoreCase) || target.PathAndQuery.StartsWith("//", StringComparison.Ordinal))
            return null;
        return target.PathAndQuery;
    }
}

/// <summary>
/// Follows a platform's long-running work with one look at a time. It holds nothing: the handle says what to ask about and since when, and the
/// pause before the next look grows with the age of the work, unless the platform names one.
/// </summary>
public sealed class Operations
{
    private readonly RestClient _client;
    private readonly OperationStyle _style;

    /// <summary>Makes one over the client whose error table also classifies failures inside operations.</summary>
    public Operations(RestClient client, OperationStyle style)
    {
        _client = client;
        _style = style;
    }

    /// <summary>
    /// Reads the answer to a mutation: Failed with its error, Succeeded when nothing is left to follow, or Running with a handle. The handle is
    /// null when what names the work is too long or at another server: the resource's own state must tell then.
    /// </summary>
    public OperationLook Begin(RestResult answer)
    {
        if (answer.Error is { } error)
            return new OperationLook { Status = OperationStatus.Failed, Error = error, Answer = answer };
        var now = _client.Time.GetUtcNow();
        string? data;
        try
        {
            data = _style.Find(answer, _client.BaseAddress);
        }
        catch (System.Text.Json.JsonException)
        {
            return Unreadable(answer, mutation: true);
        }

        if (data is null)
            return new OperationLook { Status = OperationStatus.Succeeded, Answer = answer };
        return Look(answer, data, now, now, first: true);
    }

    /// <summary>
    /// Asks once. A handle that is absent, expired, of another style or version, or that the platform has forgotten, is Unknown without error
    /// (DC-80); an answer that doesn't come or can't be read is Unknown with the error.
    /// </summary>
    public async ValueTask<OperationLook> LookAsync(Call call, Handle? handle)
    {
        var now = _client.Time.GetUtcNow();
        if (!OperationHandle.TryRead(handle, _style.Name, now, out var begun, out var data) || _style.Ask(data) is not { } request)
            return OperationLook.Unknown;
        var answer = await _client.SendAsync(call, request with { Mutates = false });
        if (answer.NotFound)
            return OperationLook.Unknown with { Answer = answer };
        if (answer.Error is { } error && !(answer.Status > 0 && _style.IsOutcome(answer)))
            return OperationLook.Unknown with { Error = error, Answer = answer };
        return Look(answer, data, begun, now, first: false);
    }

    /// <summary>
    /// When to look again at work of this age: 2 s at first, then a fifth of the age up to 15 s, 30 s after two minutes, 60 s after ten.
    /// </summary>
    public static TimeSpan Pause(TimeSpan age) => age switch
    {
        _ when age < TimeSpan.FromSeconds(10) => TimeSpan.FromSeconds(2),
        _ when age < TimeSpan.FromSeconds(75) => age / 5,
        _ when age < TimeSpan.FromMinutes(2) => TimeSpan.FromSeconds(15),
        _ when age < TimeSpan.FromMinutes(10) => TimeSpan.FromSeconds(30),
        _ => TimeSpan.FromSeconds(60),
    };

    private OperationLook Look(RestResult answer, string data, DateTimeOffset begun, DateTimeOffset now, bool first)
    {
        OperationReading reading;
        try
        {
            reading = _style.Read(answer, data, first);
        }
        catch (System.Text.Json.JsonException)
        {
            return Unreadable(answer, mutation: false);
        }

        return reading.Status switch
        {
            OperationStatus.Running => new OperationLook
            {
                Status = OperationStatus.Running,
                Answer = answer,
                Progress = new Progress
                {
                    LookAgainAfter = ErrorTable.RetryAfter(answer, _client.Time) is { } asked && asked > TimeSpan.Zero ? asked : Pause(now - begun),
                    Handle = data.Length > 0 ? OperationHandle.Write(_style.Name, begun, data, _style.Life) : null,
                    WaitingFor = reading.WaitingFor,
                    Message = reading.Message is { } message ? _client.Errors.Redactor.Redact(message) : null,
                },
            },
            OperationStatus.Failed => new OperationLook
            {
                Status = OperationStatus.Failed,
                Answer = answer,
                Error = _client.Errors.ClassifyLate(reading.FailureStatus, reading.Failure ?? new ErrorDetail()),
            },
            OperationStatus.Succeeded => new OperationLook { Status = OperationStatus.Succeeded, Answer = answer },
            _ => OperationLook.Unknown with { Answer = answer },
        };
    }

    private static OperationLook Unreadable(RestResult answer, bool mutation) => OperationLook.Unknown with
    {
        Answer = answer,
        Error = new DriverError
        {
            Code = ErrorCode.Failed,
            Effect = mutation ? Effect.Unknown : Effect.NotApplied,
            Scope = ErrorScope.Resource,
            Message = $"The platform's word on its work ({answer.Status}, {answer.Body.Length} bytes) isn't JSON.",
        },
    };
}
