using System.Diagnostics.Metrics;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Drivers.Podman.Tests.Unit;

/// <summary>A host whose every request is answered by the test; its sessions are of installation t1.</summary>
internal sealed class Answers(Func<HttpRequestMessage, HttpResponseMessage> answer) : HttpMessageHandler, IDriverHost
{
    /// <summary>Path and query of every request.</summary>
    public List<string> Requests { get; } = [];

    public ILogger Logger => NullLogger.Instance;

    public Meter Meter { get; } = new("datum.tests");

    public TimeProvider Time => TimeProvider.System;

    public HttpMessageHandler HttpHandler => this;

    public ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation) => default;

    public ValueTask<IInfrastructureDriver> ConnectAsync() => new PodmanDriverFactory().ConnectAsync(this,
        new Connection { Installation = "t1", Endpoint = new Uri("unix:///nonesuch"), Settings = JsonDocument.Parse("{}").RootElement.Clone() }, default);

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Requests.Add(request.RequestUri!.PathAndQuery);
        return Task.FromResult(answer(request));
    }

    protected override void Dispose(bool disposing)
    {
        Meter.Dispose();
        base.Dispose(disposing);
    }
}
