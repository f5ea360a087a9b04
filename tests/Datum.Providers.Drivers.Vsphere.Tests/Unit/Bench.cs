using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Vsphere;
using Datum.Providers.Drivers.Vsphere.Tests.Conformance;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Drivers.Vsphere.Tests.Unit;

/// <summary>vcsim behind a proxy, a session with it, and the least that a host does: it records parts and resolved values, and calls the step that was named.</summary>
internal sealed class Bench : IDriverHost, IPayloadReader, ILogger, IDisposable
{
    public const string Installation = "inst1";
    public const string Location = VsphereSamples.Location;

    private readonly CancellationTokenSource _stop = new();
    private readonly List<IInfrastructureDriver> _sessions = [];
    private int _calls;

    public Bench(VsphereKnobs? knobs = null)
    {
        Cloud = new VsphereCloud(SharedVcsim.Process, Clock, knobs) { Description = SharedVcsim.Description };
        HttpHandler = new CloudHandler(Cloud);
    }

    public ManualScheduler Clock { get; } = new();

    public VsphereCloud Cloud { get; }

    public Dictionary<string, string> Credentials { get; } = new(StringComparer.Ordinal) { ["username"] = Vcsim.User, ["password"] = Vcsim.Password };

    public Dictionary<string, string> Payloads { get; } = [];

    public ILogger Logger => this;

    public ConcurrentQueue<string> Log { get; } = [];

    public Meter Meter { get; } = new("vsphere-tests");

    public TimeProvider Time => Clock;

    public HttpMessageHandler HttpHandler { get; }

    public ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation) =>
        new(Credentials.TryGetValue(key, out var value) ? Encoding.UTF8.GetBytes(value) : default(ReadOnlyMemory<byte>));

    public ValueTask<ImmutableDictionary<string, ReadOnlyMemory<byte>>?> ReadAsync(PayloadReference payload, CancellationToken cancellation) =>
        new(Payloads.TryGetValue(payload.Name, out var text) ? ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty.Add("key", Encoding.UTF8.GetBytes(text)) : null);

    public async Task<IInfrastructureDriver> ConnectAsync(object? settings = null, Func<Connection, Connection>? change = null)
    {
        var connection = new Connection
        {
            Endpoint = new Uri("https://vcenter.test/sdk"),
            Installation = Installation,
            Settings = JsonSerializer.SerializeToElement(settings ?? VsphereWorld.Settings),
            Images = VsphereWorld.Images,
        };
        var session = await new VsphereDriverFactory().ConnectAsync(this, change?.Invoke(connection) ?? connection, default);
        _sessions.Add(session);
        return session;
    }

    public Call Call() => new() { Cancellation = _stop.Token, Deadline = Clock.Now.AddSeconds(30), Id = string.Create(CultureInfo.InvariantCulture, $"call-{++_calls}"), Payloads = this };

    public Operation Operation(Identity id, Step step) => new() { Call = Call(), Step = step, Token = $"{id.Name[16..]}{id.Incarnation:x8}{(uint)step.Part.Aggregate(17, (h, c) => h * 31 + c):x8}" };

    public static Identity Id(ResourceKind kind, int number = 1, long incarnation = 1) =>
        new() { Installation = Installation, Kind = kind, Name = $"{(int)kind:x16}{number:x16}", Incarnation = incarnation };

    public static Reference Refer(Identity id) => new() { Name = id.Name, Parts = id.Parts };

    public async Task<Observation<TFacts>> Observe<TSpec, TFacts>(IResourceDriver<TSpec, TFacts> verbs, Identity id, TSpec? spec, Handle? handle = null)
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        var answer = await verbs.ObserveAsync(Call(), id, spec, handle);
        Assert.That(answer.Error?.Message, Is.Null);
        return answer.Value!;
    }

    /// <summary>Builds and updates until nothing is left to do; time passes where the platform is at work.</summary>
    public async Task<(Identity Id, Present<TFacts> Seen, List<string> Steps)> Build<TSpec, TFacts>(IResourceDriver<TSpec, TFacts> verbs, Identity id, TSpec spec)
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        Handle? handle = null;
        var steps = new List<string>();
        for (var round = 0; round < 200; round++)
        {
            var seen = await Observe(verbs, id, spec, handle);
            Assert.That(seen.Failure?.Message, Is.Null);
            if (seen is Present<TFacts> there)
                id = id with { Parts = there.Parts, Resolved = id.Resolved.SetItems(there.Resolved) };
            if (seen.InProgress is { } progress)
            {
                handle = progress.Handle;
                Clock.Advance(progress.LookAgainAfter);
                continue;
            }

            handle = null;
            var next = seen switch { Absent<TFacts> a => a.Next, Present<TFacts> p => p.Next, _ => null };
            if (next is null)
                return (id, (Present<TFacts>)seen, steps);
            steps.Add($"{next.Verb} {next.Part}");
            var operation = Operation(id, next);
            var outcome = next.Verb == StepVerb.Create ? await verbs.CreateAsync(operation, id, spec) : await verbs.UpdateAsync(operation, id, spec);
            Assert.That((outcome as Failed<TFacts>)?.Error.Message, Is.Null);
            id = Record(id, outcome);
            handle = (outcome as Running<TFacts>)?.Progress.Handle;
            if (outcome is Running<TFacts> running)
                Clock.Advance(running.Progress.LookAgainAfter);
        }

        throw new AssertionException("It isn't built after 200 rounds: " + string.Join(", ", steps));
    }

    /// <summary>Deletes step by step; returns the parts in the order in which they went.</summary>
    public async Task<List<string>> TakeDown<TSpec, TFacts>(IResourceDriver<TSpec, TFacts> verbs, Identity id)
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        var order = new List<string>();
        Handle? handle = null;
        for (var round = 0; round < 200; round++)
        {
            var seen = await Observe(verbs, id, null, handle);
            if (seen is Absent<TFacts> { InProgress: null })
                return order;
            if (seen.InProgress is { } progress)
            {
                handle = progress.Handle;
                Clock.Advance(progress.LookAgainAfter);
                continue;
            }

            var next = ((Present<TFacts>)seen).Next!;
            var outcome = await verbs.DeleteAsync(Operation(id, next), id);
            Assert.That((outcome as Failed<TFacts>)?.Error.Message, Is.Null);
            handle = (outcome as Running<TFacts>)?.Progress.Handle;
            order.Add(next.Part);
        }

        throw new AssertionException("It isn't gone after 200 rounds.");
    }

    public static Identity Record<TFacts>(Identity id, Outcome<TFacts> outcome) where TFacts : ResourceFacts => id with
    {
        Parts = [.. id.Parts.Where(p => outcome.Parts.All(o => o.Name != p.Name)), .. outcome.Parts],
        Resolved = id.Resolved.SetItems(outcome.Resolved),
    };

    public static NetworkSpec Network(int number = 1) => new() { Mtu = 1460, Ranges = [string.Create(CultureInfo.InvariantCulture, $"10.{number}.0.0/24")], LocationJson = Location };

    public static InstanceSpec Sandbox(Identity network) => new()
    {
        LocationJson = Location,
        Hostname = "web-0",
        Size = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 2000, MemoryMiB = 8192 },
        Sandbox = new SandboxSpec { Containers = [new ContainerSpec { Name = "web", Image = "nginx:1" }] },
        Interfaces = [new InterfaceSpec { Name = "eth0", Network = Refer(network), Ranges = ["10.1.0.0/24"] }],
    };

    public static InstanceSpec Machine(Identity network) => Sandbox(network) with
    {
        Sandbox = null,
        Machine = new MachineSpec { BootVolume = "boot", SshKeys = ["ada:ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF4u ada@example"] },
        Volumes = [new VolumeSpec { Name = "boot", Disk = new DiskVolume { Image = "datumcloud/ubuntu-2204-lts", DeviceName = "boot", SizeGiB = 25, Type = "pd-standard" } }],
    };

    public static InstanceSpec WithDisk(InstanceSpec spec, Identity disk) => spec with
    {
        Volumes = spec.Volumes.Add(new VolumeSpec { Name = "data", Disk = new DiskVolume { Disk = Refer(disk), DeviceName = "data", Filesystem = "ext4" } }),
    };

    /// <summary>The machine of an instance.</summary>
    public VsphereMachine? At(Identity id) => Cloud.Machines.FirstOrDefault(m => m.Config.Text("instanceUuid") == id.PartId("server"));

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Log.Enqueue($"{formatter(state, exception)} {exception}");

    public void Dispose()
    {
        foreach (var session in _sessions)
            session.DisposeAsync().AsTask().Wait();
        Assert.That(Cloud.Sessions, Is.Zero, "A session was left behind.");
        HttpHandler.Dispose();
        Meter.Dispose();
        _stop.Dispose();
        Assert.That(Cloud.Violations, Is.Empty, "Something isn't as VMware's description says.");
        Cloud.Dispose();
    }
}
