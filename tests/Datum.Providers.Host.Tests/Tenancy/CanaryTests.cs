using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Text;
using Datum.Providers.Host.Tests.BadInput;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Tests.Tenancy;

/// <summary>Law L12 over a whole host: secrets are planted wherever one can be, everything goes wrong that tells of it, and every output is searched.</summary>
[TestFixture, NonParallelizable]
public sealed class CanaryTests
{
    private const string Credential = "canary-credential-51c8e7";
    private const string Payload = "canary-payload-a90d3b";

    [Test]
    public async Task L12_no_output_of_a_whole_run_holds_a_secret()
    {
        var said = new ConcurrentQueue<string>();
        using var meters = Meters(said);
        using var activities = Activities(said);
        void OnException(object? sender, System.Runtime.ExceptionServices.FirstChanceExceptionEventArgs e) => said.Enqueue($"exception {e.Exception.GetType()}: {e.Exception.Message}");
        await using var platform = await EchoAsync();
        await using var stage = await Stage.StartAsync();
        stage.Log.Least = LogLevel.Trace;
        AppDomain.CurrentDomain.FirstChanceException += OnException;
        try
        {
            var space = await stage.SpaceAsync();
            // A platform that says what it was sent, in status lines, headers and bodies.
            await SecretAsync(stage, "default", "cloud", ("token", Credential));
            await ConfigAsync(stage, "echo", platform.Urls.Single(), "echo", "cloud");
            await space.LocationAsync("echoes", "{simulator: {zone: z1}}", className: "echo");
            await space.LocationIsAsync("echoes", "Ready", "ProbeFailed");
            // A credential that no header takes, and one that is no base64.
            await SecretAsync(stage, "default", "spoiled", ("token", $"{Credential}\n"));
            await ConfigAsync(stage, "spoiled", platform.Urls.Single(), "spoiled", "spoiled");
            await space.LocationAsync("spoils", "{simulator: {zone: z1}}", className: "spoiled");
            await space.LocationIsAsync("spoils", "Ready", "ProbeFailed");
            // One behind a URL that nothing answers on.
            await ConfigAsync(stage, "dead", "http://127.0.0.1:9", "dead", "cloud");
            await space.LocationAsync("silent", "{simulator: {zone: z1}}", className: "dead");
            await space.LocationIsAsync("silent", "Ready", "ProbeFailed");

            // Payloads of a Workload that works, and of one whose instance can't be made.
            await SecretAsync(stage, space.Name, "app", ("key", Payload));
            await stage.ApplyAsync($"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: app, namespace: {space.Name}}}\ndata: {{key: value}}");
            await space.LocationAsync("here", "{simulator: {zone: z1}}", city: "DFW");
            await space.NetworkAsync();
            await stage.ApplyAsync(RoleTests.PayloadWorkload(space.Name));
            await space.AvailableAsync("web");
            await stage.ApplyAsync(RoleTests.PayloadWorkload(space.Name).Replace("name: web, namespace", "name: wrong, namespace", StringComparison.Ordinal).Replace("d1-standard-2", "huge", StringComparison.Ordinal));
            await stage.ConditionAsync(Space.Compute, "instances", space.Name, "wrong-p-dfw-0", "Programmed", "ConfigurationError");
            // The Secret changes while it is used, and the credentials too.
            await SecretAsync(stage, space.Name, "app", ("key", Payload + "-two"));
            await SecretAsync(stage, "default", "cloud", ("token", Credential + "-two"));
            await stage.PatchAsync(Space.Compute, "workloads", space.Name, "web", """{"spec":{"template":{"metadata":{"annotations":{"note":"again"}}}}}""");
            await space.EverythingElseGoesOnAsync();
            await stage.DeleteAsync(Space.Compute, "workloads", space.Name, "web");

            foreach (var path in Outputs)
                said.Enqueue(Encoding.UTF8.GetString(await stage.Client.RawAsync(HttpMethod.Get, path, null, null, CancellationToken.None)));
            await stage.StopHostAsync();
        }
        finally
        {
            AppDomain.CurrentDomain.FirstChanceException -= OnException;
        }
        foreach (var line in stage.Log.All)
            said.Enqueue(line);

        Assert.That(platform.Services.GetRequiredService<Heard>().Count, Is.Positive, "the platform was asked with the credential, and said it back");
        Assert.That(said.Count(s => s.StartsWith("metric", StringComparison.Ordinal)), Is.Positive);
        Assert.That(said.Count(s => s.StartsWith("exception", StringComparison.Ordinal)), Is.Positive);
        Assert.That(said.Count(s => s.Contains("ManagedResourceList", StringComparison.Ordinal)), Is.EqualTo(1));
        Assert.That(stage.Log.All.Count(l => l.StartsWith("Debug", StringComparison.Ordinal) || l.StartsWith("Trace", StringComparison.Ordinal)), Is.Positive);
        string[] canaries = [Credential, Payload, Base64(Credential)[..20], Base64(Payload)[..20], Uri.EscapeDataString(Credential)];
        Assert.That(said.Where(s => canaries.Any(c => s.Contains(c, StringComparison.Ordinal))).Select(s => s.Length > 500 ? s[Math.Max(0, First(s, canaries) - 200)..Math.Min(s.Length, First(s, canaries) + 100)] : s), Is.Empty);
    }

    /// <summary>All that a user or the platform operator can read; Secrets themselves are left out.</summary>
    private static readonly string[] Outputs =
    [
        "/apis/providers.datumapis.com/v1alpha1/managedresources", "/apis/providers.datumapis.com/v1alpha1/providerconfigs", "/apis/providers.datumapis.com/v1alpha1/providerdrivers",
        "/apis/compute.datumapis.com/v1alpha/workloads", "/apis/compute.datumapis.com/v1alpha/workloaddeployments", "/apis/compute.datumapis.com/v1alpha/instances",
        "/apis/networking.datumapis.com/v1alpha/locations", "/apis/networking.datumapis.com/v1alpha/networks", "/apis/networking.datumapis.com/v1alpha/networkcontexts",
        "/apis/networking.datumapis.com/v1alpha/networkbindings", "/apis/networking.datumapis.com/v1alpha/subnetclaims", "/apis/networking.datumapis.com/v1alpha/subnets",
        "/api/v1/events", "/api/v1/configmaps", "/apis/coordination.k8s.io/v1/leases",
    ];

    private static int First(string text, string[] canaries) => canaries.Select(c => text.IndexOf(c, StringComparison.Ordinal)).Where(i => i >= 0).Min();

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static async Task SecretAsync(Stage stage, string ns, string name, params (string Key, string Value)[] data)
    {
        var json = $"{{\"data\":{{{string.Join(',', data.Select(d => $"\"{d.Key}\":\"{Base64(d.Value)}\""))}}}}}";
        try
        {
            await stage.PatchAsync("v1", "secrets", ns, name, json);
        }
        catch (Kubernetes.KubernetesException e) when (e.IsNotFound)
        {
            await stage.ApplyAsync($"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {ns}}}\ndata: {{{string.Join(", ", data.Select(d => $"{d.Key}: {Base64(d.Value)}"))}}}");
        }
    }

    private static Task ConfigAsync(Stage stage, string name, string endpoint, string className, string secret) => stage.ApplyAsync($$"""
        apiVersion: providers.datumapis.com/v1alpha1
        kind: ProviderConfig
        metadata: {name: {{name}}}
        spec:
          driver: simulator
          endpoint: {{endpoint}}
          locations: {classNames: [{{className}}]}
          allowed: { projects: ["*"] }
          credentials: { source: Secret, secretRef: { name: {{secret}} } }
        """);

    private sealed class Heard
    {
        public int Count { get; set; }
    }

    private static async Task<WebApplication> EchoAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        builder.Services.AddSingleton<Heard>();
        var app = builder.Build();
        var heard = app.Services.GetRequiredService<Heard>();
        app.Run(async context =>
        {
            var shown = context.Request.Headers.Authorization.ToString();
            heard.Count += shown.Contains(Credential, StringComparison.Ordinal) ? 1 : 0;
            context.Response.StatusCode = 403;
            context.Response.Headers["X-Request-Id"] = shown.Replace("Bearer ", "", StringComparison.Ordinal);
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync($$"""{"error":{"code":"FORBIDDEN","message":"{{shown}} may not do that"},"code":"FORBIDDEN","message":"{{shown}} may not do that"}""");
        });
        await app.StartAsync();
        return app;
    }

    private static MeterListener Meters(ConcurrentQueue<string> said)
    {
        var listener = new MeterListener { InstrumentPublished = (instrument, l) => l.EnableMeasurementEvents(instrument) };
        void Take<T>(Instrument instrument, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
        {
            var text = new StringBuilder($"metric {instrument.Meter.Name} {instrument.Name} {value}");
            foreach (var tag in tags)
                text.Append($" {tag.Key}={tag.Value}");
            said.Enqueue(text.ToString());
        }

        listener.SetMeasurementEventCallback<long>(Take);
        listener.SetMeasurementEventCallback<double>(Take);
        listener.SetMeasurementEventCallback<int>(Take);
        listener.Start();
        return listener;
    }

    private static ActivityListener Activities(ConcurrentQueue<string> said)
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = a => said.Enqueue($"trace {a.Source.Name} {a.DisplayName} {a.StatusDescription} {string.Join(' ', a.TagObjects.Select(t => $"{t.Key}={t.Value}"))} {string.Join(' ', a.Events.SelectMany(e => e.Tags).Select(t => $"{t.Key}={t.Value}"))}"),
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }
}
