using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using Datum.Providers.Drivers.Simulator;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Conformance.Tests.Mutants;

/// <summary>Faults in limits, cancellation, credentials, secrets, abilities, and in what is left in the process.</summary>
internal static class OutsideMutants
{
    public static IEnumerable<Mutant> All => [.. Limits, .. Cancellation, .. Credentials, .. Secrets, .. Abilities, .. Process];

    private static IEnumerable<Mutant> Limits =>
    [
        new() { Name = "repeats a throttled request itself", Rule = "DC-89", Case = 175, Kind = ResourceKind.Network, Says = "429 is Throttled (DC-48); it says success", Session = _ => Repeats(HttpStatusCode.TooManyRequests, 1) },
        new() { Name = "says that the account's throttling is the resource's own", Rule = "DC-49", Case = 175, Kind = ResourceKind.Network, Says = "but the scope is Resource", Session = _ => Networks(new()
        {
            Observe = async (clean, call, id, desired, handle) => await clean.ObserveAsync(call, id, desired, handle) is var answer && answer.Error is { } error ? error with { Scope = ErrorScope.Resource } : answer,
        }) },
        new() { Name = "reports a used-up quota as a failure", Rule = "DC-49", Case = 180, Kind = ResourceKind.Network, Says = "QuotaExceeded", Session = _ => Networks(new() { Made = Edit.Error<NetworkFacts>(e => e.Code == ErrorCode.QuotaExceeded ? e with { Code = ErrorCode.Failed } : e) }) },
        new() { Name = "reports a full zone as a used-up quota", Rule = "DC-51", Case = 181, Kind = ResourceKind.Instance, Says = "CapacityUnavailable", Session = _ => new Seed { Instances = new() { Made = Edit.Error<InstanceFacts>(e => e.Code == ErrorCode.CapacityUnavailable ? e with { Code = ErrorCode.QuotaExceeded } : e) } } },
        new() { Name = "sends a create that failed once more", Rule = "DC-89", Case = 183, Kind = ResourceKind.Disk, Says = "mutations in one call", Session = _ => new Seed { Disks = new()
        {
            Create = async (clean, op, id, desired) => await clean.CreateAsync(op, id, desired) is Failed<DiskFacts> ? await clean.CreateAsync(op, id, desired) : await clean.CreateAsync(op, id, desired),
        } } },
    ];

    private static IEnumerable<Mutant> Cancellation =>
    [
        new() { Name = "ignores cancellation", Rule = "DC-13", Case = 185, Kind = ResourceKind.Network, Says = "sent a mutation all the same", Session = _ => Networks(new() { Create = (clean, op, id, desired) => clean.CreateAsync(op.With(op.Call.With(CancellationToken.None)), id, desired) }) },
        new() { Name = "ignores its deadline", Rule = "DC-13", Case = 186, Kind = ResourceKind.Network, Says = "sent a mutation all the same", Session = _ => Networks(new() { Create = (clean, op, id, desired) => clean.CreateAsync(op.With(op.Call.With(deadline: DateTimeOffset.MaxValue)), id, desired) }) },
        new() { Name = "reads payloads with a token of its own", Rule = "DC-13", Case = 193, Kind = ResourceKind.Secret, Says = "another token than the call's", Session = _ => Secret(new() { Create = (clean, op, id, desired) => clean.CreateAsync(op.With(op.Call.With(payloads: new Untold(op.Call.Payloads!))), id, desired) }) },
    ];

    private static IEnumerable<Mutant> Credentials =>
    [
        new() { Name = "reports wrong credentials as a failure", Rule = "DC-48", Case = 166, Says = "not Unauthenticated", Session = c => new Seed { Probe = async call => await c.Driver.ProbeAsync(call) is var answer && answer.Error is { } error ? error with { Code = ErrorCode.Failed } : answer } },
        new() { Name = "doesn't renew a session token that ended", Rule = "DC-6", Case = 169, Kind = ResourceKind.Network, Says = "The session tokens had expired", Session = _ => new Seed { Wire = async (request, send) =>
        {
            var answer = await send(request);
            if (answer.StatusCode == HttpStatusCode.Unauthorized)
                answer.StatusCode = HttpStatusCode.Forbidden;
            return answer;
        } } },
        new() { Name = "signs in again and again when it is refused", Rule = "DC-6", Case = 171, Kind = ResourceKind.Network, Says = "although each was refused with 401", Session = _ => Repeats(HttpStatusCode.Unauthorized, 4) },
        new() { Name = "keeps the account that it saw first", Rule = "L15", Case = 173, Says = "keeps the account instead of asking", Session = c =>
        {
            Answer<AccountFacts>? first = null;
            return new Seed { Probe = async call => first ??= await c.Driver.ProbeAsync(call) };
        } },
        new() { Name = "doesn't sign out", Rule = "DC-7", Case = 174, Says = "sign-ins", Session = _ => new Seed { Dispose = () => ValueTask.CompletedTask } },
    ];

    private static IEnumerable<Mutant> Secrets =>
    [
        new() { Name = "logs a secret", Rule = "DC-84", Case = 195, Kind = ResourceKind.Secret, Says = "A secret got out", Session = c => Told((op, text) => c.Host.Logger.LogInformation("creating with {Value}", text)) },
        new() { Name = "counts by the value of a secret", Rule = "DC-84", Case = 195, Kind = ResourceKind.Secret, Says = "A secret got out", Session = c =>
        {
            var made = c.Host.Meter.CreateCounter<long>("secrets.made");
            return Told((op, text) => made.Add(1, new KeyValuePair<string, object?>("value", text)));
        } },
        new() { Name = "puts a secret into what it resolved", Rule = "DC-84", Case = 195, Kind = ResourceKind.Secret, Says = "A secret got out", Session = _ => Secret(new()
        {
            Create = async (clean, op, id, desired) =>
            {
                var password = await Edit.PasswordAsync(op.Call, desired);
                return await clean.CreateAsync(op, id, desired) is { } made ? made with { Resolved = made.Resolved.Add("value", password) } : null!;
            },
        }) },
        new() { Name = "puts a secret into a handle", Rule = "DC-84", Case = 195, Kind = ResourceKind.Secret, Says = "A secret got out", Knobs = new SimulatorKnobs { OperationDurations = ImmutableDictionary<ResourceKind, TimeSpan>.Empty.Add(ResourceKind.Secret, TimeSpan.FromSeconds(20)) }, Session = _ => Secret(new()
        {
            Create = async (clean, op, id, desired) =>
            {
                var password = await Edit.PasswordAsync(op.Call, desired);
                return await clean.CreateAsync(op, id, desired) is var made && made is Running<SecretFacts> running ? running with { Progress = running.Progress with { Handle = new Handle { Data = "sim9:" + password } } } : made;
            },
        }) },
        new() { Name = "puts a secret into an error", Rule = "DC-50", Case = 196, Kind = ResourceKind.Secret, Says = "A secret got out", Session = _ => Secret(new()
        {
            Create = async (clean, op, id, desired) =>
            {
                var password = await Edit.PasswordAsync(op.Call, desired);
                return Edit.Error<SecretFacts>(e => e with { Message = $"{e.Message} The request was {{\"password\":\"{password}\"}}." })(await clean.CreateAsync(op, id, desired));
            },
        }) },
        new() { Name = "reads a payload after its call", Rule = "DC-85", Case = 195, Kind = ResourceKind.Secret, Says = "read a payload after its call had ended", Session = _ =>
        {
            (IPayloadReader Reader, PayloadReference Payload)? kept = null;
            return Secret(new()
            {
                Create = (clean, op, id, desired) =>
                {
                    kept = (op.Call.Payloads!, desired.Payload);
                    return clean.CreateAsync(op, id, desired);
                },
                Observe = async (clean, call, id, desired, handle) =>
                {
                    if (kept is var (reader, payload))
                        await TryAsync(reader, payload, call.Cancellation);
                    return await clean.ObserveAsync(call, id, desired, handle);
                },
            });
        } },
        new() { Name = "reads payloads that nobody named", Rule = "DC-85", Case = 195, Kind = ResourceKind.Secret, Says = "which the desired state doesn't name", Session = _ => Secret(new()
        {
            Create = async (clean, op, id, desired) =>
            {
                await TryAsync(op.Call.Payloads!, desired.Payload with { Name = "pull" }, op.Call.Cancellation);
                return await clean.CreateAsync(op, id, desired);
            },
        }) },
        new() { Name = "keeps a payload for later", Rule = "DC-85", Case = 202, Kind = ResourceKind.Secret, Says = "are still held", Session = _ =>
        {
            var kept = new List<ReadOnlyMemory<byte>>();
            return Secret(new()
            {
                Create = async (clean, op, id, desired) =>
                {
                    kept.Add(await Edit.PasswordBytesAsync(op.Call, desired));
                    return await clean.CreateAsync(op, id, desired);
                },
            });
        } },
        new() { Name = "sends a secret in a header", Rule = "DC-86", Case = 203, Kind = ResourceKind.Secret, Says = "is in the address or a header", Session = _ =>
        {
            string? password = null;
            return new Seed
            {
                Secrets = new()
                {
                    Create = async (clean, op, id, desired) =>
                    {
                        password = Convert.ToBase64String((await Edit.PasswordBytesAsync(op.Call, desired)).Span);
                        return await clean.CreateAsync(op, id, desired);
                    },
                },
                Wire = (request, send) =>
                {
                    if (password is not null)
                        request.Headers.TryAddWithoutValidation("X-Content", password);
                    return send(request);
                },
            };
        } },
    ];

    private static IEnumerable<Mutant> Abilities =>
    [
        new() { Name = "calls a stop done that it doesn't send", Rule = "DC-101", Case = 145, Kind = ResourceKind.Instance, Says = "After Stop the instance isn't Stopped", Session = _ => new Seed { Power = (_, _, _) => new(new Done<InstanceFacts>()) } },
        new() { Name = "gives more of the console than was asked for", Rule = "DC-103", Case = 146, Kind = ResourceKind.Instance, Says = "MaxBytes is 16", Session = c => new Seed { Console = (call, id, query) => ((IConsoleLog)c.Driver).ReadConsoleAsync(call, id, query with { MaxBytes = 1 << 20 }) } },
        new() { Name = "logs the guest's console", Rule = "DC-103", Case = 146, Kind = ResourceKind.Instance, Says = "got into the log", Session = c => new Seed
        {
            Console = async (call, id, query) =>
            {
                var answer = await ((IConsoleLog)c.Driver).ReadConsoleAsync(call, id, query);
                c.Host.Logger.LogDebug("console: {Text}", answer.Value?.Text);
                return answer;
            },
        } },
        new() { Name = "begins its catalogue again at each page", Rule = "DC-104", Case = 147, Says = "A catalogue has no end", Session = c => new Seed { Images = (call, query, _) => ((IImageCatalog)c.Driver).ListImagesAsync(call, query, null) } },
        new() { Name = "reports a use of quotas that doesn't move", Rule = "DC-106", Case = 148, Kind = ResourceKind.Network, Says = "its use went from", Session = c => new Seed
        {
            Quotas = async call => await ((IQuotas)c.Driver).ReadQuotasAsync(call) is { Value: { } report } ? report with { Quotas = [.. report.Quotas.Select(q => q with { Used = 1 })] } : Edit.Refusal(ErrorCode.Failed, "no quotas"),
        } },
        new() { Name = "has a change feed that hears nothing", Rule = "DC-107", Case = 149, Says = "the feed named none", Session = _ => new Seed { Feed = call => Silence(null, call.Cancellation) } },
        new() { Name = "has a change feed that names what nobody made", Rule = "DC-107", Case = 149, Says = "the feed named none, but 1 others", Session = _ => new Seed { Feed = call => Silence(new Change { Kind = ResourceKind.Network, Name = Edit.Hash("nobody's") }, call.Cancellation) } },
        new() { Name = "measures an instance twice", Rule = "DC-113", Case = 318, Kind = ResourceKind.Instance, Says = "2 measurements came", Session = Usage((page, _) => page with { Items = [.. page.Items, .. page.Items] }) },
        new() { Name = "measures an instance of an earlier life", Rule = "DC-113", Case = 318, Kind = ResourceKind.Instance, Says = "A measurement names incarnation 9", Session = Usage((page, _) => page with { Items = [.. page.Items.Select(i => i with { Incarnation = 9 })] }) },
        new() { Name = "calls the time of the question that of the measurement, by a clock that is ahead", Rule = "DC-114", Case = 318, Kind = ResourceKind.Instance, Says = "A measurement is to come", Session = Usage((page, now) => page with { Items = [.. page.Items.Select(i => i with { ObservedAt = now.AddHours(1) })] }) },
        new() { Name = "measures what another installation has", Rule = "DC-113", Case = 319, Kind = ResourceKind.Instance, Says = "For another installation", Session = c => new Seed { Usage = (call, query, cursor) => ((IUsageReader)c.Driver).ListUsageAsync(call, query with { Installation = "conf1" }, cursor) } },
        new() { Name = "calls usage complete while a zone doesn't answer", Rule = "DC-115", Case = 320, Kind = ResourceKind.Instance, Says = "usage is called complete", Session = Usage((page, _) => page with { Complete = true }) },
        new() { Name = "deletes what it shall let go", Rule = "DC-111", Case = 150, Kind = ResourceKind.Network, Says = "What was let go is", Session = c => Networks(new() { Release = (_, op, id) => c.Driver.Networks!.DeleteAsync(op.With(part: "net"), id) }) },
        new() { Name = "lets go and leaves the mark", Rule = "DC-111", Case = 150, Kind = ResourceKind.Network, Says = "still carry our mark", Session = _ => Networks(new() { Release = (_, _, _) => new(new Done<NetworkFacts>()) }) },
        new() { Name = "says that it adopted what another owns", Rule = "DC-109", Case = 152, Kind = ResourceKind.Network, Says = "Conflict, NotApplied and BlockedBy", Session = _ => Networks(new() { Adopt = async (clean, op, id, providerId) => await clean.AdoptAsync(op, id, providerId) is var made && made is Failed<NetworkFacts> ? new Done<NetworkFacts>() : made }) },
    ];

    private static IEnumerable<Mutant> Process =>
    [
        new() { Name = "counts its sessions in a static", Rule = "DC-87", Case = 218, Says = "Mutants.Statics.Sessions was", Session = _ =>
        {
            Statics.Sessions++;
            return new Seed();
        } },
        new() { Name = "shares its first connection between sessions", Rule = "DC-87", Case = 219, Kind = ResourceKind.Network, Says = "A session of another installation sees our object", Session = Shared() },
        new() { Name = "sets a variable of the process's environment", Rule = "DC-87", Case = 221, Says = "The process has environment variable DATUM_MUTANT since", Session = _ =>
        {
            Environment.SetEnvironmentVariable("DATUM_MUTANT", (Statics.Variables++).ToString(CultureInfo.InvariantCulture));
            return new Seed { Dispose = () => ValueTask.CompletedTask };
        } },
        new() { Name = "leaves a timer running", Rule = "DC-7", Case = 222, Says = "timers that the driver made are left", Session = c =>
        {
            var timer = c.Host.Time.CreateTimer(_ => { }, null, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1));
            GC.KeepAlive(timer);
            return new Seed();
        } },
    ];

    private static Func<MutantContext, Seed> Usage(Func<UsagePage, DateTimeOffset, UsagePage> change) => c => new Seed
    {
        Usage = async (call, query, cursor) => await ((IUsageReader)c.Driver).ListUsageAsync(call, query, cursor) is { Value: { } page } ? change(page, c.Host.Time.GetUtcNow()) : Edit.Refusal(ErrorCode.Failed, "no usage"),
    };

    private static Func<MutantContext, Seed> Shared()
    {
        string? first = null;
        return _ => Networks(new() { Id = id => id with { Installation = first ??= id.Installation } });
    }

    private static async ValueTask TryAsync(IPayloadReader reader, PayloadReference payload, CancellationToken cancellation)
    {
        try
        {
            await reader.ReadAsync(payload, cancellation);
        }
        catch (InvalidOperationException)
        {
            // As a driver that swallows it.
        }
    }

    private static async IAsyncEnumerable<Change> Silence(Change? first, [EnumeratorCancellation] CancellationToken cancellation)
    {
        if (first is not null)
            yield return first;
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancellation.Register(() => end.TrySetResult());
        await end.Task;
        yield break;
    }

    /// <summary>Sends a request again in the same call.</summary>
    private static Seed Repeats(HttpStatusCode status, int times) => new()
    {
        Wire = async (request, send) =>
        {
            var answer = await send(request);
            for (var i = 0; i < times && answer.StatusCode == status; i++)
                answer = await send(request);
            return answer;
        },
    };

    private static Seed Told(Action<Operation, string> tell) => Secret(new()
    {
        Create = async (clean, op, id, desired) =>
        {
            tell(op, await Edit.PasswordAsync(op.Call, desired));
            return await clean.CreateAsync(op, id, desired);
        },
    });

    private static Seed Secret(Seams<SecretSpec, SecretFacts> seams) => new() { Secrets = seams };

    private static Seed Networks(Seams<NetworkSpec, NetworkFacts> seams) => new() { Networks = seams };

    /// <summary>Reads for a call without its cancellation.</summary>
    private sealed class Untold(IPayloadReader clean) : IPayloadReader
    {
        public ValueTask<ImmutableDictionary<string, ReadOnlyMemory<byte>>?> ReadAsync(PayloadReference payload, CancellationToken cancellation) => clean.ReadAsync(payload, CancellationToken.None);
    }
}

/// <summary>What a driver must not have.</summary>
internal static class Statics
{
    public static int Sessions;
    public static int Variables;
}
