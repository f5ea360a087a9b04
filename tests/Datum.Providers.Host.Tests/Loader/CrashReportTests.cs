using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Host.Loader;

namespace Datum.Providers.Host.Tests.Loader;

/// <summary>Whom a crash report of the runtime speaks against. Reports of real crashes are made in DriverCrashTests; these are the odd ones.</summary>
public sealed class CrashReportTests
{
    private static readonly Guid A = Guid.NewGuid();
    private static readonly Guid B = Guid.NewGuid();
    private static readonly Guid Both = Guid.NewGuid();

    private static readonly CrashReport Report = new(
    [
        new DriverModules { Id = "a", Modules = [A, Both], Exits = [DriverModules.Method(A, 0x06000007)], Natives = ["liba.so", "libsame.so"] },
        new DriverModules { Id = "b", Modules = [B, Both], Natives = ["libsame.so"] },
    ]);

    [Test]
    public void The_topmost_frame_that_is_anybodys_decides()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Judged(Framework("System.Private.CoreLib.dll"), Driver(A), Host()), Is.EqualTo("a"));
            Assert.That(Judged(Native("libc.so.6"), Stub(), Driver(B), Driver(A)), Is.EqualTo("b"));
            Assert.That(Judged(Host(), Driver(A)), Is.Null, "what the host does in a call back is its own");
            Assert.That(Judged(Framework("System.Private.CoreLib.dll"), Framework("System.Threading.dll")), Is.Null);
            Assert.That(Judged(), Is.Null);
        });
    }

    [Test]
    public void A_library_of_two_drivers_is_told_by_who_called_it()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Judged(Driver(Both), Driver(B)), Is.EqualTo("b"));
            Assert.That(Judged(Driver(Both), Host()), Is.Null);
            Assert.That(Judged(Native("liba.so")), Is.EqualTo("a"), "a thread of its own");
            Assert.That(Judged(Native("libsame.so")), Is.Null);
            Assert.That(Judged(Native("libsame.so"), Stub(), Driver(B)), Is.EqualTo("b"));
        });
    }

    [Test]
    public void Memory_that_ran_out_counts_against_nobody() =>
        Assert.That(Judge(Document("System.OutOfMemoryException", [Driver(A)])), Is.Null);

    [Test]
    public void Frames_that_repeat_count_as_one_round() =>
        Assert.That(Judged(new JsonObject { ["repeated"] = "0x2a98b", ["repeated_frames"] = new JsonArray(Driver(A)) }), Is.EqualTo("a"));

    [Test]
    public void An_exit_is_its_callers_whose_thread_waits()
    {
        JsonObject Exit() => Framework("System.Private.CoreLib.dll", "System.Environment.Exit(Int32)");
        var ours = Framework("System.Private.CoreLib.dll", "System.Environment.FailFast(System.String)");
        var handler = Managed(Guid.NewGuid(), "datum-providers.dll", "Datum.Providers.Host.Loader.CrashWatch.EndWithReport()");
        var finding = Judge(Document("System.ExecutionEngineException", [ours, handler], [[Driver(B)], [Native("libcoreclr.so"), Stub(), Calling(A, 0x06000007), Driver(B)]]));
        Assert.That((finding?.Driver.Id, finding?.Kind), Is.EqualTo(("a", CrashKind.Exit)));
        CrashFinding? Again(params JsonObject[] waiting) => Judge(Document(null, [ours.DeepClone().AsObject(), handler.DeepClone().AsObject()], [waiting]));
        Assert.Multiple(() =>
        {
            Assert.That(Again(Exit(), Calling(A, 0x06000007))?.Driver.Id, Is.EqualTo("a"));
            Assert.That(Again(Exit(), Host(), Calling(A, 0x06000007)), Is.Null, "the host's own call");
            Assert.That(Again(Stub(), Calling(A, 0x06000008)), Is.Null, "a driver that only waits");
            Assert.That(Again(Framework("System.Private.CoreLib.dll"), Calling(A, 0x06000007)), Is.Null, "a driver that waits in the framework");
        });
    }

    [TestCase("")]
    [TestCase("{")]
    [TestCase("[]")]
    [TestCase("{}")]
    [TestCase("""{"payload":{"threads":{}}}""")]
    [TestCase("""{"payload":{"threads":[{"crashed":"true","stack_frames":[7]}]}}""")]
    public void What_is_no_report_is_said(string text) =>
        Assert.That(() => Report.Judge(Encoding.UTF8.GetBytes(text)), Throws.InstanceOf<FormatException>());

    private static string? Judged(params JsonObject[] frames) => Judge(Document("System.AccessViolationException", frames))?.Driver.Id;

    private static CrashFinding? Judge(JsonObject report) => Report.Judge(Encoding.UTF8.GetBytes(report.ToJsonString()));

    private static JsonObject Document(string? type, JsonObject[] crashed, params JsonObject[][] others)
    {
        JsonObject Thread(JsonObject[] frames, bool isCrashed)
        {
            var thread = new JsonObject { ["crashed"] = isCrashed ? "true" : "false", ["stack_frames"] = new JsonArray([.. frames]) };
            if (isCrashed && type is not null)
                thread["managed_exception_type"] = type;
            return thread;
        }

        return new JsonObject { ["payload"] = new JsonObject { ["threads"] = new JsonArray([.. others.Select(f => Thread(f, false)), Thread(crashed, true)]) } };
    }

    private static JsonObject Managed(Guid module, string file, string method) => new() { ["is_managed"] = "true", ["filename"] = file, ["guid"] = module.ToString("N"), ["method_name"] = method };

    private static JsonObject Calling(Guid module, int token)
    {
        var frame = Driver(module);
        frame["token"] = $"0x{token:x}";
        return frame;
    }

    private static JsonObject Driver(Guid module) => Managed(module, "Some.Driver.dll", "Some.Driver.Do()");

    private static JsonObject Host() => Managed(Guid.NewGuid(), "datum-providers.dll", "Datum.Providers.Host.Composition.HostRuntime.RunAsync()");

    private static JsonObject Framework(string file, string method = "System.Threading.Thread.StartCallback()") => Managed(Guid.NewGuid(), file, method);

    private static JsonObject Native(string module) => new() { ["is_managed"] = "false", ["native_module"] = module };

    private static JsonObject Stub() => new() { ["is_managed"] = "true", ["module_address"] = "0x0", ["token"] = "0x0" };
}
