using System.Diagnostics.Metrics;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Host.Drivers;
using Datum.Providers.Host.Http;
using Datum.Providers.Host.Loader;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Composition;

/// <summary>Opens sessions of loaded drivers with what the host lends them: logger, meter, clock, HTTP handler, credentials.</summary>
internal sealed class DriverConnector(IDriverCatalog catalog, ILoggerFactory logging, TimeProvider time, string volume) : IDriverConnector
{
    public DriverDescriptor? Find(string driverId) => catalog.ById(driverId)?.Descriptor;

    public DriverDescriptor? FindByLocationKey(string key) => catalog.ByLocationKey(key)?.Descriptor;

    public string WhyMissing(string driverIdOrKey)
    {
        if (catalog.Rejections.FirstOrDefault(r => r.LocationKey == driverIdOrKey || r.Id == driverIdOrKey) is { } rejection)
            return $"Driver {rejection.Id} was rejected at start ({rejection.Reason}): {rejection.Message}";
        var there = string.Join(", ", catalog.Drivers.Select(d =>
            d.Descriptor.Id == d.Descriptor.LocationKey ? d.Descriptor.Id : $"{d.Descriptor.Id} (location key {d.Descriptor.LocationKey})"));
        var unnamed = catalog.Rejections.Count(r => r.Id is null && r.Reason != DriverRejectionReason.VolumeMissing);
        return $"No driver '{driverIdOrKey}' is in the driver volume {volume}; {(there.Length == 0 ? "no driver is loaded" : $"loaded are {there}")}"
            + $"{(unnamed == 0 ? "" : $", and {unnamed} folders were rejected before they had a name (kubectl get dpd)")}. Correct the name, or put the driver's folder into the volume and restart the host.";
    }

    public async ValueTask<IInfrastructureDriver> ConnectAsync(SessionRequest request, CancellationToken cancellation)
    {
        var driver = catalog.ById(request.DriverId)
            ?? throw new DriverException(new DriverError { Code = ErrorCode.Unsupported, Effect = Effect.NotApplied, Message = WhyMissing(request.DriverId) });
        HttpMessageHandler handler;
        try
        {
            handler = DriverHttpHandlerFactory.Create(new DriverHttpOptions
            {
                DriverId = request.DriverId, Endpoint = request.Connection.Endpoint, Proxy = request.Proxy is { } proxy ? new Uri(proxy) : null, CaBundle = request.CaBundle, Fingerprint = request.Fingerprint,
            });
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            throw new DriverException(new DriverError { Code = ErrorCode.Invalid, Effect = Effect.NotApplied, Message = $"ProviderConfig {request.Name}: {e.Message}" });
        }
        var host = new DriverHost(logging.CreateLogger($"Datum.Providers.Driver.{request.DriverId}.{request.Name}"),
            new Meter($"datum.driver.{request.DriverId}"), time, handler, request.Credentials);
        try
        {
            // Loaded drivers open guarded sessions only; what is lent goes down with them.
            var session = (GuardedDriver)await driver.Factory.ConnectAsync(host, request.Connection, cancellation);
            session.Own(host);
            return session;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    private sealed class DriverHost(
        ILogger logger, Meter meter, TimeProvider time, HttpMessageHandler handler, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> credentials) : IDriverHost, IDisposable
    {
        public ILogger Logger => logger;
        public Meter Meter => meter;
        public TimeProvider Time => time;
        public HttpMessageHandler HttpHandler => handler;

        public ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation) =>
            ValueTask.FromResult(credentials.TryGetValue(key, out var value) ? value : ReadOnlyMemory<byte>.Empty);

        public void Dispose()
        {
            meter.Dispose();
            handler.Dispose();
        }
    }
}
