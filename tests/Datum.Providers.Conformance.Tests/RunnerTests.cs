using System.Xml;
using System.Xml.Schema;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Drivers.Simulator.Tests.Conformance;

namespace Datum.Providers.Conformance.Tests;

/// <summary>The runner without a test framework, its reports, and that it sees what is wrong.</summary>
public sealed class RunnerTests
{
    [Test]
    public async Task The_description_group_needs_a_factory_and_nothing_else()
    {
        var report = await new ConformanceRunner(() => new FactoryOnly(new SimulatorDriverFactory())).RunAsync(CaseCatalog.Of(KitGroup.Description));
        Assert.That(report.Results.Where(r => r.Status != CaseStatus.Passed).Select(r => $"{r.Case.Id}: {r.Message}"), Is.Empty);
        Assert.That(report.Calls, Is.Empty, "no verb was called");
    }

    [Test]
    public async Task A_world_that_can_show_nothing_does_not_pass()
    {
        var report = await new ConformanceRunner(() => new FactoryOnly(new SimulatorDriverFactory())).RunAsync(CaseCatalog.Of(KitGroup.Session));
        Assert.That(report.Results.Single(r => r.Case.Number == 20).Status, Is.EqualTo(CaseStatus.Failed));
    }

    [Test]
    public async Task A_descriptor_that_changes_is_caught()
    {
        var count = 0;
        var result = await new ConformanceRunner(() => new FactoryOnly(new Changing(() => count++))).RunAsync(CaseCatalog.All.Single(c => c.Number == 1));
        Assert.That((result.Status, result.Message), Is.EqualTo((CaseStatus.Failed, "A second Describe of the same factory answers otherwise.")));
    }

    [Test]
    public async Task The_reports_count_alike_and_the_junit_form_is_valid()
    {
        // One case of each status.
        var failing = await new ConformanceRunner(() => new FactoryOnly(new Changing(() => Random.Shared.Next()))).RunAsync(CaseCatalog.All.Single(c => c.Number == 1));
        var runner = new ConformanceRunner(() => new SimulatorWorld());
        var unable = await new ConformanceRunner(() => new FactoryOnly(new SimulatorDriverFactory())).RunAsync(CaseCatalog.All.Single(c => c.Number == 24));
        var report = await runner.ReportAsync([failing, unable, await runner.RunAsync(CaseCatalog.All.Single(c => c.Number == 51)), await runner.RunAsync(CaseCatalog.All.Single(c => c.Number == 62))]);
        Assert.That((report.Count(CaseStatus.Passed), report.Count(CaseStatus.Failed), report.Count(CaseStatus.NotApplicable)), Is.EqualTo((2, 1, 1)));
        Assert.That(TextReport.Badge(report), Does.StartWith("datum-conformance: contract 1.1, driver simulator 0.1.0, 2 passed, 1 failed, 1 not applicable, faults 1 (").And.Contain("calls connect ").And.Contain("observe "));
        Assert.That(TextReport.Write(report), Does.Contain("CK-001").And.Contain("Not applicable:").And.Contain("EffectCertainty"));

        var schemas = new XmlSchemaSet();
        schemas.Add(null, XmlReader.Create(typeof(RunnerTests).Assembly.GetManifestResourceStream("junit.xsd")!));
        var document = JUnitReport.Write(report);
        var faults = new List<string>();
        document.Validate(schemas, (_, e) => faults.Add(e.Message));
        Assert.That(faults, Is.Empty);
        Assert.That(document.Descendants("testcase").Count(), Is.EqualTo(4));
        Assert.That(document.Descendants("failure").Count(), Is.EqualTo(1));
        Assert.That(document.Descendants("skipped").Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_driver_that_calls_a_lost_answer_not_applied_is_caught()
    {
        // The wire, not the driver, is at fault here: it claims that nothing was sent although the platform acted.
        var result = await new ConformanceRunner(() => new LyingWire()).RunAsync(CaseCatalog.All.Single(c => c.Number == 61));
        Assert.That(result.Status, Is.EqualTo(CaseStatus.Failed));
        Assert.That(result.Message, Does.Contain("NotApplied isn't true"));
    }

    [TestCase("db: s3cr3t/+&value!")]
    [TestCase("https://x/?k=s3cr3t%2F%2B%26value%21")]
    [TestCase("dXNlcjpzM2NyM3QvKyZ2YWx1ZSE=")]
    [TestCase("7333637233742f2b2676616c756521")]
    [TestCase("{\"k\":\"s3cr3t/\\u002B\\u0026value!\"}")]
    public void A_secret_is_seen_in_every_form(string text)
    {
        var check = new LeakCheck();
        check.Add("password", "s3cr3t/+&value!"u8);
        Assert.That(check.Find(text), Does.StartWith("password ("));
        Assert.That(check.Find("nothing of it here: s3cr3t"), Is.Null);
    }

    private sealed class FactoryOnly(IDriverFactory factory) : ConformanceWorld
    {
        public override IDriverFactory Factory => factory;
    }

    private sealed class LyingWire : ConformanceWorld, ICensus
    {
        private readonly SimulatorWorld _inner = new();

        public override IDriverFactory Factory => new LyingFactory(_inner.Factory);

        public override Connection Connection => _inner.Connection;

        public override ImmutableDictionary<string, ReadOnlyMemory<byte>> Credentials => _inner.Credentials;

        public override bool IsMutation(HttpRequestMessage request) => _inner.IsMutation(request);

        public override HttpMessageHandler Transport => _inner.Transport;

        public override TimeProvider Time => _inner.Time;

        public override ValueTask PassAsync(TimeSpan time) => _inner.PassAsync(time);

        public override ImmutableArray<PayloadContent> Payloads => _inner.Payloads;

        public override Sample? SampleOf(ResourceKind kind) => _inner.SampleOf(kind);

        public ValueTask<ImmutableArray<CensusObject>> CountAsync() => _inner.CountAsync();

        public override async ValueTask DisposeAsync()
        {
            await _inner.DisposeAsync();
            await base.DisposeAsync();
        }
    }

    private sealed class LyingFactory(IDriverFactory inner) : IDriverFactory
    {
        public DriverDescriptor Describe() => inner.Describe();

        public ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation) =>
            inner.ConnectAsync(new LyingHost(host), connection, cancellation);
    }

    private sealed class LyingHost(IDriverHost inner) : IDriverHost
    {
        public Microsoft.Extensions.Logging.ILogger Logger => inner.Logger;

        public System.Diagnostics.Metrics.Meter Meter => inner.Meter;

        public TimeProvider Time => inner.Time;

        public HttpMessageHandler HttpHandler { get; } = new LyingHandler(inner.HttpHandler);

        public ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation) => inner.ReadCredentialAsync(key, cancellation);
    }

    private sealed class LyingHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            try
            {
                return await base.SendAsync(request, cancellationToken);
            }
            catch (HttpRequestException e)
            {
                throw new HttpRequestException(HttpRequestError.ConnectionError, e.Message);
            }
        }
    }

    private sealed class Changing(Func<int> number) : IDriverFactory
    {
        public DriverDescriptor Describe() => new SimulatorDriverFactory().Describe() with { Version = $"0.1.{number()}" };

        public ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation) =>
            new SimulatorDriverFactory().ConnectAsync(host, connection, cancellation);
    }
}
