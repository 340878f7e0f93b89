use minvar::linalg::dense::*;
fn main(){
    let n=350; let t=1200;
    let mut st=1u64; let x:Vec<f32>=(0..n*t).map(|_|{st=st.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); ((st>>33) as f32/ (1u64<<31) as f32)-0.5}).collect();
    let mut c=vec![0.0;n*n];
    let v=View::rows(&x,n,t);symmetric_product(&mut c,v,v.transposed(),12.0/t as f32);
    for _ in 0..300 {eigen(&c,n).unwrap();}
}
