using System.Diagnostics;
using System.Text.Json;
using Datum.Providers.Benchmarks.Measured;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Loader;
using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Benchmarks.Boundary;

/// <summary>One packed driver in a process that did nothing before, as the host takes it. Times in ms.</summary>
internal sealed record ColdStart
{
    /// <summary>Find, verify every file, load, construct, Describe.</summary>
    public double LoadMs { get; init; }

    /// <summary>A session, guarded.</summary>
    public double ConnectMs { get; init; }

    /// <summary>The first Probe. Podman's goes to a socket that isn't there: what is measured is its way to that answer.</summary>
    public double FirstMs { get; init; }

    public double SecondMs { get; init; }

    /// <summary>The same volume once more in the same process, into a load context of its own.</summary>
    public double LoadAgainMs { get; init; }

    /// <summary>The measured side: prints one line of JSON.</summary>
    public static async Task<int> RunAsync(string volume, string id)
    {
        var state = Directory.CreateTempSubdirectory("datum-benchmark-").FullName;
        try
        {
            var (load, catalog) = Timed(() => Load(volume, id));
            if (catalog.ById(id) is null)
                throw new InvalidOperationException($"{volume} has no driver {id} that loads: {string.Join(' ', catalog.Rejections.Select(r => r.Message))}");
            var connector = new DriverConnector(catalog, NullLoggerFactory.Instance, TimeProvider.System, volume);
            var request = new SessionRequest
            {
                DriverId = id, Name = id, Credentials = new Dictionary<string, ReadOnlyMemory<byte>>(),
                Connection = id == "simulator"
                    ? new Connection { Installation = "bench", Settings = JsonSerializer.SerializeToElement(new { statePath = state }) }
                    : new Connection { Installation = "bench", Endpoint = new Uri($"unix://{state}/none.sock") },
            };
            var begun = Stopwatch.GetTimestamp();
            var session = await connector.ConnectAsync(request, CancellationToken.None);
            var connect = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
            var first = await ProbeAsync(session);
            var second = await ProbeAsync(session);
            await session.DisposeAsync();
            var (again, _) = Timed(() => Load(volume, id));
            Console.WriteLine(JsonSerializer.Serialize(new ColdStart { LoadMs = load, ConnectMs = connect, FirstMs = first, SecondMs = second, LoadAgainMs = again }, Measurement.Json));
            return 0;
        }
        finally
        {
            Directory.Delete(state, recursive: true);
        }
    }

    private static DriverCatalog Load(string volume, string id) =>
        DriverCatalog.Load(new DriverVolumeOptions { Path = volume, Only = new HashSet<string> { id } }, NullLoggerFactory.Instance, TimeProvider.System);

    private static (double Ms, T Result) Timed<T>(Func<T> what)
    {
        var begun = Stopwatch.GetTimestamp();
        var result = what();
        return (Stopwatch.GetElapsedTime(begun).TotalMilliseconds, result);
    }

    private static async Task<double> ProbeAsync(IInfrastructureDriver session)
    {
        using var frame = Calls.New(SystemScheduler.Instance, TimeSpan.FromSeconds(30), CancellationToken.None);
        var begun = Stopwatch.GetTimestamp();
        var answer = await session.ProbeAsync(frame.Call);
        var time = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
        if (answer.Error is { Code: ErrorCode.Bug or ErrorCode.Timeout } error)
            throw new InvalidOperationException(error.Message);
        return time;
    }
}
