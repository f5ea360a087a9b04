using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources.Telemetry;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>What the export of a plane's telemetry needs.</summary>
public sealed record ExportOptions
{
    public required IKubernetesClient Client { get; init; }

    public required IScheduler Scheduler { get; init; }

    public required ILoggerFactory LoggerFactory { get; init; }

    /// <summary>Filled by somebody else; the policies' own and those that series are made of.</summary>
    public required ICacheFactory Caches { get; init; }

    /// <summary>The groups of ExportPolicy that the plane serves and that are ours to act on.</summary>
    public required IReadOnlyList<ResourceType<ExportPolicy>> Policies { get; init; }

    /// <summary>False: nothing is sent, and the policies say so.</summary>
    public bool Enabled { get; init; }

    public DestinationGuard Guard { get; init; } = new();

    /// <summary>Whether the policies of a namespace may also export the host's own metrics, which tell of all tenants (law L14).</summary>
    public Func<string, bool> SeesHost { get; init; } = _ => false;

    /// <summary>How often samples are taken.</summary>
    public TimeSpan Period { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Writes a warning on an object (about, reason, message); best effort. Null: none is written.</summary>
    public Func<ObjectReference, string, string, CancellationToken, ValueTask>? Warn { get; init; }

    /// <summary>The way out; null for the guarded one over the system's resolver. Disposed with the controllers.</summary>
    public HttpMessageHandler? Handler { get; init; }
}

/// <summary>Export policies of one plane: a controller for each group, what they read, and what they send with.</summary>
public sealed class ExportControllers : IController, IDisposable
{
    /// <summary>Prefix of the names of the host's own meters.</summary>
    private const string Meters = "Datum.Providers.";

    private readonly List<ExportPolicyController> _controllers = [];
    private readonly PlaneSeries? _plane;
    private readonly MeterSeries? _meters;
    private readonly HttpMessageInvoker _http;
    private readonly ExportPump _pump;
    private readonly NamedSecrets _secrets;

    private ExportControllers(ExportOptions options)
    {
        var sources = new List<ISeriesSource>();
        if (options.Enabled)
        {
            _plane = new PlaneSeries(options.Caches);
            _meters = new MeterSeries(options.SeesHost, Meters);
            sources.AddRange([_plane, _meters]);
        }

        _http = new HttpMessageInvoker(options.Handler ?? GuardedHandler.Create(options.Guard), disposeHandler: true);
        _pump = new ExportPump(sources, _http, options.Scheduler, options.Period, options.LoggerFactory.CreateLogger<ExportPump>());
        _secrets = new NamedSecrets(options.Client, options.Scheduler, options.LoggerFactory);
        var caches = options.Policies.Select(t => (Type: t, Cache: options.Caches.Cache(t)!)).ToList();
        foreach (var (type, cache) in caches)
            _controllers.Add(new ExportPolicyController(options, type, cache, _pump, _secrets, ns => caches.SelectMany(c => c.Cache.All()).Where(p => p.Metadata.Namespace == ns)));
        _pump.Told = Wake;
        _secrets.Changed = Wake;
    }

    public string Name => "export";

    /// <summary>Subscribes to the caches; nothing is sent or written until it runs.</summary>
    public static ExportControllers Create(ExportOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new ExportControllers(options);
    }

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        _secrets.Start(cancellation);
        try
        {
            await (_plane?.WaitForSyncAsync(cancellation) ?? Task.CompletedTask);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return;
        }

        await Task.WhenAll(_controllers.Select(c => c.RunAsync(cancellation)).Prepend(_pump.RunAsync(cancellation)));
    }

    /// <summary>One round at once, for tests.</summary>
    internal void Round() => _pump.Round();

    public void Dispose()
    {
        foreach (var controller in _controllers)
            controller.Dispose();
        _pump.Dispose();
        _secrets.Dispose();
        _meters?.Dispose();
        _http.Dispose();
    }

    private void Wake(PolicyKey policy) => _controllers.Find(c => c.Group == policy.Group)?.Queue.Add(policy.Key);
}
