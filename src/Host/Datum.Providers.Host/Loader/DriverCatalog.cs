using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Datum.Providers.Host.Drivers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Loader;

/// <summary>The drivers of this process. Fixed at start.</summary>
public interface IDriverCatalog
{
    /// <summary>By ordinal path of their folders.</summary>
    IReadOnlyList<LoadedDriver> Drivers { get; }

    /// <summary>Folders that weren't taken, and why.</summary>
    IReadOnlyList<DriverRejection> Rejections { get; }

    /// <summary>The driver for a key under <c>Location.spec.provider</c>, or null.</summary>
    LoadedDriver? ByLocationKey(string locationKey);

    /// <summary>The driver of that id, or null.</summary>
    LoadedDriver? ById(string id);
}

/// <summary>Finds, verifies, loads and activates the drivers of a volume. One bad driver costs itself only (law L9).</summary>
public sealed partial class DriverCatalog : IDriverCatalog
{
    private const int PathsInMessage = 3;

    private readonly ImmutableArray<LoadedDriver> _drivers;
    private readonly ImmutableArray<DriverRejection> _rejections;

    private DriverCatalog(IEnumerable<LoadedDriver> drivers, IEnumerable<DriverRejection> rejections)
    {
        _drivers = [.. drivers];
        _rejections = [.. rejections.OrderBy(r => r.Folder, StringComparer.Ordinal)];
    }

    public IReadOnlyList<LoadedDriver> Drivers => _drivers;

    public IReadOnlyList<DriverRejection> Rejections => _rejections;

    public LoadedDriver? ByLocationKey(string locationKey) => _drivers.FirstOrDefault(d => d.Descriptor.LocationKey == locationKey);

    public LoadedDriver? ById(string id) => _drivers.FirstOrDefault(d => d.Descriptor.Id == id);

    /// <summary>
    /// Loads a volume. Never throws for what is in it: read <see cref="Rejections"/>. Of two drivers with one id or one location key the
    /// first by ordinal path is taken; the choice is made before any code runs, and doesn't change if the first fails later.
    /// </summary>
    public static DriverCatalog Load(DriverVolumeOptions options, ILoggerFactory loggers, TimeProvider time)
    {
        var logger = loggers.CreateLogger<DriverCatalog>();
        List<DriverRejection> rejections = [];
        void Reject(DriverRejection rejection)
        {
            rejections.Add(rejection);
            if (rejection.Reason == DriverRejectionReason.NotSelected)
                LogNotSelected(logger, rejection.Folder, rejection.Message);
            else
                LogRejected(logger, rejection.Folder, rejection.Phase, rejection.Reason, rejection.Message);
        }

        List<VerifiedDriver> verified = [];
        foreach (var folder in DriverFinder.Find(options.Path, Reject))
            if (Verify(folder, options, verified, Reject) is { } driver)
                verified.Add(driver);

        options.Crashes?.Begin(verified);
        // Side by side: a driver that hangs costs itself its deadline and the others nothing more (law L9).
        var drivers = StartAll(verified, options, loggers, time, Reject);
        foreach (var driver in drivers)
            Report(logger, driver);
        if (drivers.Count == 0)
            LogNoDriver(logger, options.Path);
        LogSummary(logger, options.Path, drivers.Count, rejections.Count);
        return new DriverCatalog(drivers, rejections);
    }

    // Not inlined, so that no thread or array of it keeps a rejected driver's context alive.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static List<LoadedDriver> StartAll(List<VerifiedDriver> verified, DriverVolumeOptions options, ILoggerFactory loggers, TimeProvider time, Action<DriverRejection> reject)
    {
        var outcomes = new (LoadedDriver? Driver, DriverRejection? Rejection)[verified.Count];
        var threads = verified.Select((driver, i) => new Thread(() =>
        {
            var loaded = Start(driver, options, loggers, time, out var rejection);
            outcomes[i] = (loaded, rejection);
        })
        { IsBackground = true, Name = $"driver/{driver.Manifest.Id} start" }).ToList();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        foreach (var rejection in outcomes.Select(o => o.Rejection).OfType<DriverRejection>())
            reject(rejection);
        return [.. outcomes.Select(o => o.Driver).OfType<LoadedDriver>()];
    }

    private static VerifiedDriver? Verify(DriverFolder folder, DriverVolumeOptions options, List<VerifiedDriver> earlier, Action<DriverRejection> reject)
    {
        string? id = null;
        string? key = null;
        try
        {
            var manifest = DriverVerifier.ReadManifest(folder);
            (id, key) = (manifest.Id, manifest.LocationKey);
            var driver = DriverVerifier.Verify(folder, manifest, options);
            if (earlier.Find(e => e.Manifest.Id == id) is { } sameId)
                throw new DriverRejectedException(DriverPhase.Verify, DriverRejectionReason.DuplicateId,
                    $"Both {sameId.Folder.Path} and {folder.Path} hold a driver with id {id}. {sameId.Folder.Path} was taken, being first by path; remove one of them.");
            if (earlier.Find(e => e.Manifest.LocationKey == manifest.LocationKey) is { } sameKey)
                throw new DriverRejectedException(DriverPhase.Verify, DriverRejectionReason.DuplicateLocationKey,
                    $"Driver {sameKey.Manifest.Id} in {sameKey.Folder.Path} and driver {id} in {folder.Path} both answer to location key {manifest.LocationKey}. {sameKey.Manifest.Id} was taken, being first by path; remove one of them.");
            return driver;
        }
        catch (DriverRejectedException e)
        {
            reject(new DriverRejection { Folder = folder.Path, Id = id, LocationKey = key, Phase = e.Phase, Reason = e.Reason, Message = e.Message });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            reject(new DriverRejection
            {
                Folder = folder.Path,
                Id = id,
                LocationKey = key,
                Phase = id is null ? DriverPhase.Manifest : DriverPhase.Verify,
                Reason = DriverRejectionReason.Unreadable,
                Message = $"{folder.Path} can't be read: {e.Message} Give the host's user read access.",
            });
        }

        return null;
    }

    // Not inlined, so that no local of it keeps a rejected driver's context alive.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static LoadedDriver? Start(VerifiedDriver driver, DriverVolumeOptions options, ILoggerFactory loggers, TimeProvider time, out DriverRejection? rejection)
    {
        var manifest = driver.Manifest;
        DriverLoadContext? context = null;
        rejection = null;
        try
        {
            context = new DriverLoadContext(driver, options, options.Collectible);
            var activator = new DriverActivator(driver, options.DescribeTimeout, time);
            var (factory, descriptor) = activator.Activate(activator.Load(context));
            var guard = new GuardOptions
            {
                DriverId = manifest.Id,
                Scheduler = options.Scheduler,
                Logger = loggers.CreateLogger("Datum.Providers.Driver." + manifest.Id),
                ConnectTimeout = options.ConnectTimeout,
                Marks = options.Marks,
            };
            return new LoadedDriver(driver, descriptor, new GuardedDriverFactory(factory, descriptor, guard), context);
        }
        catch (DriverRejectedException e)
        {
            rejection = new DriverRejection { Folder = driver.Folder.Path, Id = manifest.Id, LocationKey = manifest.LocationKey, Phase = e.Phase, Reason = e.Reason, Message = e.Message };
        }
        catch (Exception e)
        {
            rejection = new DriverRejection
            {
                Folder = driver.Folder.Path,
                Id = manifest.Id,
                LocationKey = manifest.LocationKey,
                Phase = DriverPhase.Load,
                Reason = DriverRejectionReason.TypeLoadFailed,
                Message = $"Driver {manifest.Id} can't be loaded: {ExceptionText.Flatten(e)} Pack the driver again.",
            };
        }

        if (options.Collectible)
            context?.Unload();
        return null;
    }

    private static void Report(ILogger logger, LoadedDriver driver)
    {
        if (driver.WritableByAll.Count > 0)
            LogWritable(logger, driver.Manifest.Id, string.Join(", ", driver.WritableByAll.Take(PathsInMessage)));
        if (!logger.IsEnabled(LogLevel.Information))
            return;
        var assemblies = string.Join(", ", driver.Assemblies.Select(a => $"{a.Name} {a.Version} ({a.Context}{(a.Origin == AssemblyOrigin.Framework ? ", private copy of the framework's" : "")})")
            .Concat(driver.NativeLibraries.Select(n => $"{n.File} (native)")));
        LogLoaded(logger, driver.Manifest.Id, driver.Manifest.Version, driver.Descriptor.LocationKey, driver.Digest, driver.SignedBy ?? "nobody that was asked for", driver.Folder, assemblies);
    }

    [LoggerMessage(EventId = 1201, Level = LogLevel.Information, Message = "Driver {Id} {Version} for location key {LocationKey}, digest {Digest}, signed by {SignedBy}, from {Folder}: {Assemblies}")]
    private static partial void LogLoaded(ILogger logger, string id, string version, string locationKey, string digest, string signedBy, string folder, string assemblies);

    [LoggerMessage(EventId = 1202, Level = LogLevel.Error, Message = "Driver folder {Folder} rejected in phase {Phase}, {Reason}: {Message}")]
    private static partial void LogRejected(ILogger logger, string folder, DriverPhase phase, DriverRejectionReason reason, string message);

    [LoggerMessage(EventId = 1203, Level = LogLevel.Information, Message = "Driver folder {Folder} left out: {Message}")]
    private static partial void LogNotSelected(ILogger logger, string folder, string message);

    [LoggerMessage(EventId = 1206, Level = LogLevel.Warning, Message = "Everybody on this machine can write what driver {Id} is loaded from ({Paths}): take that right away (chmod o-w) and mount the volume read-only")]
    private static partial void LogWritable(ILogger logger, string id, string paths);

    [LoggerMessage(EventId = 1205, Level = LogLevel.Warning, Message = "No driver of the driver volume {Volume} was started, so no Location can be served. Put each driver's folder into it (or correct what the lines above name) and restart the host")]
    private static partial void LogNoDriver(ILogger logger, string volume);

    [LoggerMessage(EventId = 1204, Level = LogLevel.Information, Message = "Driver volume {Volume}: {Drivers} drivers, {Rejections} rejections")]
    private static partial void LogSummary(ILogger logger, string volume, int drivers, int rejections);
}
