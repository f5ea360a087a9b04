using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Datum.Providers;
using Microsoft.Extensions.Logging;

namespace TestDrivers;

/// <summary>A small in-memory platform with networks; it uses what a real driver uses (source-generated JSON, logger, meter, clock) and unloads.</summary>
public sealed class PlainFactory : TestDriverBase
{
    public override DriverDescriptor Describe() => Descriptor("plain", "plain") with
    {
        Kinds =
        [
            new KindDescriptor
            {
                Kind = ResourceKind.Network,
                CreateClass = CreateClass.Named,
                ConsistencyWindow = TimeSpan.Zero,
                ListQuality = ListQuality.ClientSide,
                TypicalCreate = TimeSpan.FromSeconds(1),
                CreateDeadline = TimeSpan.FromMinutes(1),
            },
        ],
    };

    public override ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation)
    {
        var settings = connection.Settings.ValueKind == JsonValueKind.Object
            ? connection.Settings.Deserialize(PlainJson.Default.PlainSettings)
            : null;
        return ValueTask.FromResult<IInfrastructureDriver>(new PlainSession(host, settings ?? new PlainSettings()));
    }
}

public sealed class PlainSettings
{
    /// <summary>Name of the verb that throws.</summary>
    public string? Throws { get; set; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PlainSettings))]
internal sealed partial class PlainJson : JsonSerializerContext;

/// <summary>An exception whose type the host doesn't know.</summary>
public sealed class PlainException(string message) : Exception(message);

internal sealed partial class PlainSession(IDriverHost host, PlainSettings settings) : IInfrastructureDriver, IResourceDriver<NetworkSpec, NetworkFacts>
{
    private ImmutableDictionary<string, NetworkFacts> _networks = ImmutableDictionary<string, NetworkFacts>.Empty;

    public IResourceDriver<NetworkSpec, NetworkFacts>? Networks => this;

    public ValueTask<Answer<AccountFacts>> ProbeAsync(Call call)
    {
        LogProbed(host.Logger, call.Id);
        return ValueTask.FromResult<Answer<AccountFacts>>(new AccountFacts { AccountId = "plain" });
    }

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, NetworkSpec desired) =>
        ValueTask.FromResult<ImmutableArray<Finding>>([]);

    public ValueTask<Answer<Observation<NetworkFacts>>> ObserveAsync(Call call, Identity id, NetworkSpec? desired, Handle? handle) =>
        ValueTask.FromResult<Answer<Observation<NetworkFacts>>>(Look(id, desired is not null));

    public async ValueTask<Outcome<NetworkFacts>> CreateAsync(Operation operation, Identity id, NetworkSpec desired)
    {
        await Task.Yield();
        if (settings.Throws == "create")
            throw new PlainException("the wire broke with token " + System.Text.Encoding.UTF8.GetString((await host.ReadCredentialAsync("token", operation.Call.Cancellation)).Span));
        _networks = _networks.Add(id.Name, new NetworkFacts { Ranges = desired.Ranges });
        return new Done<NetworkFacts> { Observation = Look(id, true), Parts = [Network(id)] };
    }

    public ValueTask<Outcome<NetworkFacts>> UpdateAsync(Operation operation, Identity id, NetworkSpec desired) =>
        ValueTask.FromResult<Outcome<NetworkFacts>>(new Failed<NetworkFacts>
        {
            Error = new DriverError { Code = ErrorCode.Unsupported, Effect = Effect.NotApplied, Message = "A network can't be changed here." },
        });

    public ValueTask<Outcome<NetworkFacts>> DeleteAsync(Operation operation, Identity id)
    {
        _networks = _networks.Remove(id.Name);
        return ValueTask.FromResult<Outcome<NetworkFacts>>(new Done<NetworkFacts> { Observation = Look(id, false) });
    }

    public ValueTask<Answer<ListPage<NetworkFacts>>> ListAsync(Call call, ListQuery query, string? cursor) =>
        ValueTask.FromResult<Answer<ListPage<NetworkFacts>>>(new ListPage<NetworkFacts>
        {
            Complete = true,
            Items = [.. _networks.Select(n => new Listed<NetworkFacts>
            {
                Name = n.Key,
                Incarnation = 0,
                Parts = [new Part { Name = "network", Id = n.Key }],
                State = Lifecycle.Ready,
            })],
        });

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private Observation<NetworkFacts> Look(Identity id, bool wanted)
    {
        if (_networks.TryGetValue(id.Name, out var facts))
            return new Present<NetworkFacts>
            {
                Facts = facts,
                Parts = [Network(id)],
                State = Lifecycle.Ready,
                Mark = MarkState.Ours,
                Next = wanted ? null : new Step { Part = "network", Verb = StepVerb.Delete, Class = CreateClass.Repeatable },
            };
        return new Absent<NetworkFacts>
        {
            Next = wanted ? new Step { Part = "network", Verb = StepVerb.Create, Class = CreateClass.Named } : null,
        };
    }

    private static Part Network(Identity id) => new() { Name = "network", Id = id.Name };

    [LoggerMessage(Level = LogLevel.Information, Message = "Probed in call {Call}")]
    private static partial void LogProbed(ILogger logger, string call);
}
