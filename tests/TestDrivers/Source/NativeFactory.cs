using System.Globalization;
using System.Runtime.InteropServices;

namespace TestDrivers;

/// <summary>Calls a library that the test compiles and puts into the driver's folder; it in turn asks for a neighbour.</summary>
public sealed partial class NativeFactory() : ProbeFactory("special")
{
    public override ValueTask<string> DoAsync() => ValueTask.FromResult(Number().ToString(CultureInfo.InvariantCulture));

    [LibraryImport("datumtest", EntryPoint = "datum_number")]
    private static partial int Number();
}

public sealed partial class OtherNativeFactory() : ProbeFactory("special-other")
{
    public override ValueTask<string> DoAsync() => ValueTask.FromResult(Number().ToString(CultureInfo.InvariantCulture));

    [LibraryImport("datumtest", EntryPoint = "datum_number")]
    private static partial int Number();
}
