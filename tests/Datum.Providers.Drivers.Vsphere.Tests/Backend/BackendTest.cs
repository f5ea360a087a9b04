using Datum.Providers.Clouds.Vsphere;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Vsphere.Tests.Backend;

/// <summary>A proxy with a clock of its own, a visitor of it and one of the bare vcsim behind it.</summary>
public abstract class BackendTest
{
    private protected ManualScheduler Clock { get; private set; } = null!;

    private protected VsphereCloud Cloud { get; private set; } = null!;

    private protected Visitor Visitor { get; private set; } = null!;

    private protected Visitor Bare { get; private set; } = null!;

    [SetUp]
    public void SetUp()
    {
        Clock = new ManualScheduler();
        Cloud = new VsphereCloud(SharedVcsim.Process, Clock) { Description = SharedVcsim.Description };
        Visitor = Visitor.At(Cloud).LogIn();
        Bare = Visitor.AtBare(SharedVcsim.Process).LogIn();
    }

    [TearDown]
    public void TearDown()
    {
        Assert.That(Cloud.Violations, Is.Empty);
        Visitor.Dispose();
        Bare.Dispose();
        Cloud.Dispose();
    }

    private protected MoRef Clone(string name = "m", params object?[] config) => Visitor.Run("CloneVM_Task", Visitor.Template, Visitor.CloneOf(name, config))!;

    private protected static string FaultOf(Action work) => Assert.Throws<VimFault>(work)!.Type;
}
