global using System.Collections.Immutable;
using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text.Json;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Drivers.Simulator.Tests;

/// <summary>A cloud, a session with it, and the least that a host does: it records parts and resolved values, and calls the step that was named.</summary>
internal sealed class World : IDriverHost, IPayloadReader, ILogger, IDisposable
{
    public const string Installation = "inst1";
    private readonly CancellationTokenSource _stop = new();
    private int _calls;

    public World(SimulatorKnobs? knobs = null, SimulatorProfile? profile = null, DelegatingHandler? wire = null)
    {
        var effective = knobs ?? new SimulatorKnobs();
        Cloud = new SimulatedCloud(Clock, 7, effective);
        HttpHandler = new SimulatedCloudHandler(Cloud, Clock);
        if (wire is not null)
        {
            wire.InnerHandler = HttpHandler;
            HttpHandler = wire;
        }

        var settings = JsonSerializer.SerializeToElement(new { knobs = new { createClasses = effective.CreateClasses.ToDictionary(p => p.Key.ToString(), p => p.Value.ToString()) } });
        Driver = new SimulatorDriverFactory(profile ?? new SimulatorProfile { WeakestCreateClass = CreateClass.Manual })
            .ConnectAsync(this, new Connection { Endpoint = new Uri("http://cloud.test"), Installation = Installation, Settings = settings }, default).AsTask().Result;
    }

    public ManualScheduler Clock { get; } = new();

    public SimulatedCloud Cloud { get; }

    public IInfrastructureDriver Driver { get; }

    public Dictionary<string, string> Payloads { get; } = [];

    public ILogger Logger => this;

    /// <summary>What the driver logged, with its exceptions.</summary>
    public ConcurrentQueue<string> Log { get; } = [];

    public Meter Meter { get; } = new("simulator-tests");

    public TimeProvider Time => Clock;

    public HttpMessageHandler HttpHandler { get; }

    public ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation) => default;

    public ValueTask<ImmutableDictionary<string, ReadOnlyMemory<byte>>?> ReadAsync(PayloadReference payload, CancellationToken cancellation) =>
        new(Payloads.TryGetValue(payload.Name, out var text) ? ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty.Add("key", System.Text.Encoding.UTF8.GetBytes(text)) : null);

    public Call Call(CancellationToken? cancellation = null) =>
        new() { Cancellation = cancellation ?? _stop.Token, Deadline = Clock.Now.AddSeconds(30), Id = $"call-{++_calls}", Payloads = this };

    public Operation Operation(Identity id, Step step) =>
        new() { Call = Call(), Step = step, Token = $"{id.Name[16..]}{id.Incarnation:x8}{(uint)string.GetHashCode(step.Part, StringComparison.Ordinal):x8}" };

    public static Identity Id(ResourceKind kind, int number = 1, long incarnation = 1) =>
        new() { Installation = Installation, Kind = kind, Name = $"{(int)kind:x16}{number:x16}", Incarnation = incarnation };

    public static Identity Record<TFacts>(Identity id, Outcome<TFacts> outcome) where TFacts : ResourceFacts => id with
    {
        Parts = [.. id.Parts.Where(p => outcome.Parts.All(o => o.Name != p.Name)), .. outcome.Parts],
        Resolved = id.Resolved.SetItems(outcome.Resolved),
    };

    public static async Task<Observation<TFacts>> Observe<TSpec, TFacts>(World world, IResourceDriver<TSpec, TFacts> driver, Identity id, TSpec? spec, Handle? handle = null)
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        var answer = await driver.ObserveAsync(world.Call(), id, spec, handle);
        Assert.That(answer.Error?.Message, Is.Null);
        return answer.Value!;
    }

    /// <summary>Builds until nothing is left to do, letting time pass where the platform is at work.</summary>
    public static async Task<(Identity Id, Present<TFacts> Seen)> Build<TSpec, TFacts>(World world, IResourceDriver<TSpec, TFacts> driver, Identity id, TSpec spec)
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        Handle? handle = null;
        for (var round = 0; round < 40; round++)
        {
            var seen = await Observe(world, driver, id, spec, handle);
            Assert.That(seen.Failure?.Message, Is.Null);
            if (seen.InProgress is { } progress)
            {
                world.Clock.Advance(progress.LookAgainAfter);
                continue;
            }

            handle = null;
            var next = seen switch { Absent<TFacts> a => a.Next, Present<TFacts> p => p.Next, _ => null };
            if (next is null)
                return (id, (Present<TFacts>)seen);
            var operation = world.Operation(id, next);
            var outcome = next.Verb == StepVerb.Create ? await driver.CreateAsync(operation, id, spec) : await driver.UpdateAsync(operation, id, spec);
            Assert.That((outcome as Failed<TFacts>)?.Error.Message, Is.Null);
            id = Record(id, outcome);
            handle = (outcome as Running<TFacts>)?.Progress.Handle;
        }

        throw new AssertionException("It isn't built after 40 rounds.");
    }

    /// <summary>Deletes step by step; returns the parts in the order in which they went.</summary>
    public static async Task<List<string>> TakeDown<TSpec, TFacts>(World world, IResourceDriver<TSpec, TFacts> driver, Identity id)
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        var order = new List<string>();
        Handle? handle = null;
        for (var round = 0; round < 40; round++)
        {
            var seen = await Observe(world, driver, id, null, handle);
            if (seen is Absent<TFacts>)
                return order;
            if (seen.InProgress is { } progress)
            {
                world.Clock.Advance(progress.LookAgainAfter);
                continue;
            }

            var next = ((Present<TFacts>)seen).Next!;
            Assert.That(next.Verb, Is.EqualTo(StepVerb.Delete));
            var outcome = await driver.DeleteAsync(world.Operation(id, next), id);
            Assert.That((outcome as Failed<TFacts>)?.Error.Message, Is.Null);
            handle = (outcome as Running<TFacts>)?.Progress.Handle;
            order.Add(next.Part);
        }

        throw new AssertionException("It isn't gone after 40 rounds.");
    }

    public async Task<(Identity Network, Identity Subnet, InstanceSpec Spec)> Landscape()
    {
        var (network, _) = await Build(this, Driver.Networks!, Id(ResourceKind.Network), new NetworkSpec { Mtu = 1460 });
        var (subnet, _) = await Build(this, Driver.Subnets!, Id(ResourceKind.Subnet), new SubnetSpec { Network = Refer(network), Range = "10.128.0.0/24" });
        return (network, subnet, Instance(network, subnet));
    }

    public static Reference Refer(Identity id) => new() { Name = id.Name, Parts = id.Parts };

    public static InstanceSpec Instance(Identity network, Identity subnet) => new()
    {
        LocationJson = """{"region":"here","zone":"z1"}""",
        Hostname = "web-0",
        Size = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 2000, MemoryMiB = 8192 },
        Sandbox = new SandboxSpec { Containers = [new ContainerSpec { Name = "web", Image = "nginx:1" }] },
        Interfaces = [new InterfaceSpec { Name = "eth0", Network = Refer(network), Subnets = [Refer(subnet)] }],
    };

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Log.Enqueue($"{formatter(state, exception)} {exception}");

    public void Dispose()
    {
        Driver.DisposeAsync().AsTask().Wait();
        HttpHandler.Dispose();
        Meter.Dispose();
        _stop.Dispose();
    }
}
