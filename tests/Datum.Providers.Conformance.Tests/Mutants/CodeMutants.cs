using System.Reflection;
using System.Reflection.Emit;
using System.Text.Json;

namespace Datum.Providers.Conformance.Tests.Mutants;

/// <summary>Faults in a driver's code, and what it leaves in the process so that its load context can't be unloaded.</summary>
internal static class CodeMutants
{
    private const BindingFlags Static = BindingFlags.Static | BindingFlags.Public;

    public static IEnumerable<Mutant> All =>
    [
        new() { Name = "reads the machine's clock", Rule = "DC-8", Case = 215, Says = "System.DateTime.get_UtcNow", Code = (_, il) =>
        {
            il.Emit(OpCodes.Call, typeof(DateTime).GetProperty(nameof(DateTime.UtcNow), Static)!.GetMethod!);
            il.Emit(OpCodes.Pop);
        } },
        new() { Name = "brings a test framework", Rule = "DC-87", Case = 216, Says = "The driver references nunit.framework", Code = (_, il) => il.Emit(OpCodes.Call, typeof(Assert).GetMethod(nameof(Assert.Pass), Static, [])!) },
        new() { Name = "has a static field that is assigned", Rule = "DC-87", Case = 217, Says = "Count is static and can be assigned", Code = (type, il) =>
        {
            var count = type.DefineField("Count", typeof(int), FieldAttributes.Public | FieldAttributes.Static);
            il.Emit(OpCodes.Ldc_I4_1);
            il.Emit(OpCodes.Stsfld, count);
        } },
        new() { Name = "has a static list", Rule = "DC-87", Case = 217, Says = "is a static List`1", Code = (type, _) => type.DefineField("Seen", typeof(List<string>), FieldAttributes.Public | FieldAttributes.Static | FieldAttributes.InitOnly) },
        new() { Name = "ends the process itself", Rule = "DC-87", Case = 220, Says = "System.Environment.Exit", Code = (_, il) =>
        {
            il.Emit(OpCodes.Ldc_I4_1);
            il.Emit(OpCodes.Call, typeof(Environment).GetMethod(nameof(Environment.Exit), Static)!);
        } },
        new() { Name = "starts a thread", Rule = "DC-87", Case = 220, Says = "System.Threading.Thread.Start", Code = (_, il) =>
        {
            il.Emit(OpCodes.Ldnull);
            il.Emit(OpCodes.Call, typeof(Thread).GetMethod(nameof(Thread.Start), [])!);
        } },
        new() { Name = "writes JSON by reflection", Rule = "DC-88", Case = 223, Says = "System.Text.Json.JsonSerializer.Serialize", Code = (_, il) =>
        {
            il.Emit(OpCodes.Ldnull);
            il.Emit(OpCodes.Ldnull);
            il.Emit(OpCodes.Ldnull);
            il.Emit(OpCodes.Call, typeof(JsonSerializer).GetMethod(nameof(JsonSerializer.Serialize), Static, [typeof(object), typeof(Type), typeof(JsonSerializerOptions)])!);
            il.Emit(OpCodes.Pop);
        } },
        Leak(224, "is kept by a static of the process", "After a probe the driver's load context isn't unloaded; held by: Datum.Providers.Conformance.Tests.Mutants.Held.Items", Keep),
        Leak(225, "hooks into the end of the process", "After validating, observing and listing the driver's load context isn't unloaded", Hook),
        Leak(226, "leaves itself in the process's data", "After building and deleting the driver's load context isn't unloaded", Data),
        Leak(227, "is kept by a static while it updates", "After updating the driver's load context isn't unloaded", Keep),
        Leak(228, "is kept by a static while connections break", "After broken connections and cancelled calls the driver's load context isn't unloaded", Keep),
        Leak(229, "is kept by a static beside a copy of itself", "After working within another copy's life the driver's load context isn't unloaded", Keep),
    ];

    private static Mutant Leak(int number, string name, string says, Action<TypeBuilder, ILGenerator> code) =>
        new() { Name = name, Rule = "DC-87", Case = number, Says = says, Code = code, Packed = true };

    private static void Keep(TypeBuilder type, ILGenerator il)
    {
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Call, typeof(Held).GetMethod(nameof(Held.Keep), Static)!);
    }

    private static void Hook(TypeBuilder type, ILGenerator il)
    {
        var ended = type.DefineMethod("Ended", MethodAttributes.Public, typeof(void), [typeof(object), typeof(EventArgs)]);
        ended.GetILGenerator().Emit(OpCodes.Ret);
        il.Emit(OpCodes.Call, typeof(AppDomain).GetProperty(nameof(AppDomain.CurrentDomain), Static)!.GetMethod!);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldftn, ended);
        il.Emit(OpCodes.Newobj, typeof(EventHandler).GetConstructors().Single());
        il.Emit(OpCodes.Callvirt, typeof(AppDomain).GetEvent(nameof(AppDomain.ProcessExit))!.AddMethod!);
    }

    private static void Data(TypeBuilder type, ILGenerator il)
    {
        il.Emit(OpCodes.Ldstr, "datum-mutant");
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Call, typeof(AppContext).GetMethod(nameof(AppContext.SetData), Static)!);
    }
}
